let view = null, frame = 0;
const one = (selector) => element.querySelector(selector);
const line = (pen, last) => {  // curves through the middles between points
  const at = (k) => `${pen[3 * k].toFixed(2)} ${pen[3 * k + 1].toFixed(2)}`;
  const middle = (k) => [0, 1].map((axis) => ((pen[3 * k + axis] + pen[3 * k + 3 + axis]) / 2).toFixed(2)).join(' ');
  let path = '', down = false;
  for (let k = 0; k <= last; k++) {
    const goes = k < last && pen[3 * k + 2] < 0.5;
    if (!down) path += `M${at(k)}L${goes ? middle(k) : at(k)}`;
    else path += goes ? `Q${at(k)} ${middle(k)}` : `L${at(k)}`;
    down = goes;
  }
  return path;
};
const curve = (values, unit, top, bottom) => {
  let points = '';
  for (let t = 0; t < view.steps; t++) {
    const y = 4 + 92 * (top - values[t * view.units.length + unit]) / (top - bottom);
    points += `${(1000 * (t + 0.5) / view.steps).toFixed(1)},${y.toFixed(1)} `;
  }
  return points;
};
const trace = (unit) => {
  for (const lane of element.querySelectorAll('.trace')) {
    const names = lane.dataset.curves.split(' ');
    let top = 1, bottom = 0;
    if (names[0] === 'cell') {
      top = 0.1;
      for (const name of names)
        for (let t = 0; t < view.steps; t++)
          top = Math.max(top, Math.abs(view.gates[name][t * view.units.length + unit]));
      bottom = -top;
    }
    lane.querySelector('svg').innerHTML = (bottom ? '<polyline class="zero" points="0,50 1000,50"/>' : '') +
      names.map((name) =>
        `<polyline class="${name}" points="${curve(view.gates[name], unit, top, bottom)}"/>`).join('');
  }
  for (const row of element.querySelectorAll('.heat .row'))
    row.style.top = `${100 * (unit + 0.5) / view.units.length}%`;
};
const show = () => {
  if (!view) return;
  const step = Number(one('.at').value) - 1, unit = Number(one('.unit').value) - 1, count = view.units.length;
  const value = (name, back = 0) => step < back ? 0 : view.gates[name][(step - back) * count + unit];
  const share = (step + 0.5) / view.steps;
  one('.lanes > .now').style.left = `${100 * share}%`;
  let letter = '';
  for (const mark of element.querySelectorAll('.marks span')) {
    const here = share >= Number(mark.dataset.from) && share < Number(mark.dataset.to);
    mark.classList.toggle('here', here);
    if (here && mark.parentElement.classList.contains('letters')) letter = mark.textContent;
  }
  const seconds = view.seconds ? `, ${(view.seconds * step).toFixed(2)} s` : '';
  const sign = letter === ' ' ? ', at the space' : letter ? `, at \u201c${letter}\u201d` : '';
  const [i, f, o, g, c, h] = ['input', 'forget', 'output', 'candidate', 'cell', 'hidden'].map((name) => value(name));
  const signed = (number) => number < 0 ? `(${format(number)})` : format(number);
  one('.where').textContent = `Step ${step + 1} of ${view.steps}${seconds}${sign}. Unit ${view.units[unit]}:`;
  one('.sum .c').textContent =
    `c = f \u00b7 c before + i \u00b7 g = ${format(f)} \u00d7 ${signed(value('cell', 1))} + ${format(i)} \u00d7 ` +
    `${signed(g)} = ${format(c)}`;
  one('.sum .h').textContent = `h = o \u00b7 tanh c = ${format(o)} \u00d7 ${signed(Math.tanh(c))} = ${format(h)}`;
  one('.of').textContent = `unit ${view.units[unit]}`;
  if (view.unit !== unit) trace(view.unit = unit);
  if (view.pen) {
    one('.ink').setAttribute('d', line(view.pen, step));
    one('.pen').setAttribute('d', `M${view.pen[3 * step]} ${view.pen[3 * step + 1]}h0`);
  }
};
const stop = () => {
  cancelAnimationFrame(frame);
  frame = 0;
  const sound = one('audio');
  if (sound && !sound.paused) sound.pause();
  if (one('.play')) one('.play').textContent = 'Play';
};
const follow = () => {
  const strip = one('.strip'), x = one('.lanes > .now').offsetLeft;
  if (x < strip.scrollLeft || x > strip.scrollLeft + strip.clientWidth - 40) strip.scrollLeft = Math.max(0, x - 60);
};
const play = () => {
  const at = one('.at'), sound = one('audio');
  if (Number(at.value) >= view.steps) at.value = 1;
  one('.play').textContent = 'Stop';
  let before = performance.now(), step = Number(at.value);
  if (sound) {
    sound.currentTime = (step - 1) * view.seconds;
    sound.play().catch(stop);
  }
  const next = (now) => {
    step = sound ? sound.currentTime / view.seconds + 1 : step + (now - before) * 0.045;
    before = now;
    at.value = Math.min(view.steps, Math.floor(step));
    show();
    follow();
    if (step >= view.steps || (sound && sound.ended)) return stop();
    frame = requestAnimationFrame(next);
  };
  frame = requestAnimationFrame(next);
};
const begin = () => {
  cancelAnimationFrame(frame);
  frame = 0;
  const root = one('.inside-gates');
  view = null;
  if (!root) return;
  const gates = Object.fromEntries([...element.querySelectorAll('.heat')].map((lane) =>
    [lane.dataset.name, numbers(lane)]));
  view = {steps: Number(root.dataset.steps), seconds: Number(root.dataset.seconds),
    units: root.dataset.units.split(' '), gates, unit: -1, pen: one('.stage.paper') && numbers(one('.stage.paper'))};
  if (view.pen) one('.ghost').setAttribute('d', line(view.pen, view.steps - 1));
  show();
};
element.addEventListener('input', (event) => {
  if (frame && event.target.matches('.at')) stop();
  show();
});
element.addEventListener('click', (event) => {
  if (event.target.closest('.play')) return frame ? stop() : play();
  const lane = event.target.closest('.heat');
  if (!lane || !view) return;
  const box = lane.getBoundingClientRect();
  const row = Math.floor(view.units.length * (event.clientY - box.top) / box.height);
  one('.unit').value = Math.min(view.units.length, Math.max(1, row + 1));
  show();
});
element.addEventListener('pointermove', (event) => {
  const lane = event.target.closest('.lane, .marks');
  if (!lane || !view || frame) return;
  const box = lane.getBoundingClientRect();
  one('.at').value = 1 + Math.floor(view.steps * (event.clientX - box.left) / box.width);
  show();
});
watch('value', () => setTimeout(begin));
begin();
