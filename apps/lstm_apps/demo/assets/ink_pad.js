const paper = element.querySelector('.paper-pad'), sheet = paper.querySelector('svg');
const rules = sheet.querySelector('.rules'), ink = sheet.querySelector('.ink');
const message = element.querySelector('.message'), file = element.querySelector('input[type=file]');
const button = (name) => element.querySelector(`[data-do=${name}]`);
const room = JSON.parse(paper.dataset.room);
const space = 'http://www.w3.org/2000/svg';
let strokes = [], current = null, pointer = null, kind = '', lastPen = -Infinity, frame = 0;
let scale = 1, timer = 0, since = 0, points = 0, rolling = 0;
const calm = matchMedia('(prefers-reduced-motion: reduce)');

const line = (stroke) => {  // through the middles between points, so that no corner of a mouse's path is seen
  let d = `M${stroke[0][0]} ${stroke[0][1]}`;
  if (stroke.length === 1) return `${d}l0 0`;
  for (let k = 1; k < stroke.length - 1; k++) {
    const [x, y] = stroke[k], [u, v] = stroke[k + 1];
    d += `Q${x} ${y} ${(x + u) / 2} ${(y + v) / 2}`;
  }
  const [x, y] = stroke[stroke.length - 1];
  return `${d}L${x} ${y}`;
};
const added = (stroke) => {
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', line(stroke));
  ink.append(path);
  return path;
};
const redraw = () => { ink.replaceChildren(); strokes.forEach(added); };
const layout = () => {
  const {width, height} = sheet.getBoundingClientRect();
  if (!width) return;  // in a tab that is not shown
  let right = 0, bottom = 0;
  for (const stroke of strokes) for (const [x, y] of stroke) {
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  scale = Math.min(1, width / (right + 8), height / (bottom + 8));
  sheet.setAttribute('viewBox', `0 0 ${width / scale} ${height / scale}`);
  if (button('back')) for (const name of ['back', 'on']) button(name).hidden = width < paper.clientWidth + 2;
  rules.replaceChildren();
  for (let y = room.pitch * 0.72; y < height / scale; y += room.pitch) {
    const rule = document.createElementNS(space, 'line');
    for (const [name, value] of [['x1', 0], ['x2', width / scale], ['y1', Math.round(y)], ['y2', Math.round(y)]])
      rule.setAttribute(name, value);
    rules.append(rule);
  }
};
const whole = () => JSON.stringify(strokes.map((stroke) => {
  const kept = [];
  for (const point of stroke) {
    const x = Math.round(point[0]), y = Math.round(point[1]), last = kept[kept.length - 1];
    if (!last || last[0] !== x || last[1] !== y) kept.push([x, y]);
  }
  return kept;
}));
paper.drawn = () => JSON.parse(whole());
const full = () => strokes.length >= room.strokes || points >= room.points;
const tell = (sentence) => {
  const count = strokes.length;
  points = strokes.reduce((sum, stroke) => sum + stroke.length, 0);
  paper.classList.toggle('empty', !count && !current);
  for (const name of ['undo', 'clear']) button(name).disabled = !count;
  message.textContent = sentence || (full() ? 'The pad is full.' : '');
  sheet.setAttribute('aria-label', `${paper.dataset.label}: ${count} ${count === 1 ? 'stroke' : 'strokes'}`);
};
const send = () => {
  clearTimeout(timer);
  timer = since = 0;
  trigger('input');
};
const changed = (soon) => {  // the value at once, the event when the pen rests, or has written for a while
  props.value = whole();
  const now = performance.now();
  since = since || now;
  clearTimeout(timer);
  timer = setTimeout(send, soon ? 50 : Math.max(0, Math.min(400, since + 1600 - now)));
};
const roll = (to) => paper.scrollTo({left: to, behavior: calm.matches ? 'auto' : 'smooth'});
const follow = (stroke) => {  // on a narrow screen the paper moves on under the hand
  const end = Math.max(...stroke.map(([x]) => x)) * scale;
  clearTimeout(rolling);
  if (end > paper.scrollLeft + 0.6 * paper.clientWidth)
    rolling = setTimeout(() => { if (!current) roll(end - 0.3 * paper.clientWidth); }, 700);
};
const at = (event) => {
  const box = sheet.getBoundingClientRect();
  const limit = (value, most) => Math.round(10 * Math.max(0, Math.min(value, most)) / scale) / 10;
  return [limit(event.clientX - box.left, box.width), limit(event.clientY - box.top, box.height)];
};
const drop = () => {
  if (current) current.path.remove();
  current = pointer = null;
};
paper.addEventListener('pointerdown', (event) => {
  if (event.pointerType === 'pen') lastPen = event.timeStamp;
  const palm = event.pointerType === 'touch' && event.timeStamp - lastPen < 2000;
  if (event.button !== 0 || palm) return;
  if (current && !(event.pointerType === 'pen' && kind === 'touch')) return;
  if (full()) return tell();
  drop();
  paper.setPointerCapture(event.pointerId);
  pointer = event.pointerId;
  kind = event.pointerType;
  const stroke = [at(event)];
  current = {stroke, path: added(stroke)};
  paper.classList.remove('empty');
});
paper.addEventListener('pointermove', (event) => {
  if (event.pointerType === 'pen') lastPen = event.timeStamp;
  if (!current || event.pointerId !== pointer) return;
  const parts = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const part of parts.length ? parts : [event]) {
    const [x, y] = at(part), last = current.stroke[current.stroke.length - 1];
    if (points + current.stroke.length < room.points && Math.hypot(x - last[0], y - last[1]) >= 0.7)
      current.stroke.push([x, y]);
  }
  frame = frame || requestAnimationFrame(() => {
    frame = 0;
    if (current) current.path.setAttribute('d', line(current.stroke));
  });
});
paper.addEventListener('pointerup', (event) => {
  if (!current || event.pointerId !== pointer) return;
  current.path.setAttribute('d', line(current.stroke));
  strokes.push(current.stroke);
  follow(current.stroke);
  current = pointer = null;
  tell();
  changed();
});
paper.addEventListener('pointercancel', (event) => {
  if (event.pointerId !== pointer) return;
  drop();
  tell();
});
paper.addEventListener('contextmenu', (event) => event.preventDefault());
const undo = () => {
  if (current || !strokes.length) return;
  strokes.pop();
  ink.lastChild.remove();
  layout();
  tell();
  changed(true);
};
const clear = () => {
  drop();
  strokes = [];
  redraw();
  layout();
  roll(0);
  tell();
  changed(true);
};
button('undo').addEventListener('click', undo);
button('clear').addEventListener('click', clear);
for (const [name, way] of [['back', -1], ['on', 1]]) if (button(name))
  button(name).addEventListener('click', () => roll(paper.scrollLeft + way * 0.6 * paper.clientWidth));
paper.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z' && !event.shiftKey) {
    event.preventDefault();
    undo();
  }
});
if (file) {
  button('open').addEventListener('click', () => file.click());
  file.addEventListener('change', async () => {
    const chosen = file.files[0];
    if (!chosen) return;
    const text = chosen.size > room.characters ? '' : await chosen.text();
    file.value = '';
    if (chosen.size > room.characters) return tell(`${chosen.name} is too large for the pad.`);
    trigger('upload', {name: chosen.name, text});
  });
}
watch('value', () => {  // the server put strokes on the pad
  if (!props.value || props.value === whole()) return;
  drop();
  strokes = JSON.parse(props.value);
  redraw();
  layout();
  tell();
});
new ResizeObserver(layout).observe(paper);
layout();
tell();
