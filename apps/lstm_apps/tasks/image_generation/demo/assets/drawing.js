// Plays a drawing step by step, and shows the step that is chosen. The drawing is replaced with every result, so the
// listeners are its parent's; a new one starts from its first step.
const calm = window.matchMedia('(prefers-reduced-motion: reduce)');
let timer = 0, hold = 0;
const part = (selector) => element.querySelector(selector);
const show = (step) => {
  const drawing = part('.drawing[data-steps]');
  if (!drawing) return;
  const last = Number(drawing.dataset.steps) + 1;  // the finished image, without windows
  for (const group of drawing.querySelectorAll('g.step'))
    group.setAttribute('visibility', Number(group.dataset.step) === step ? 'visible' : 'hidden');
  part('input[type=range]').value = step;
  part('output').textContent = step === last ? 'finished' : `step ${step} of ${last - 1}`;
};
const stop = () => {
  clearInterval(timer);
  timer = 0;
  if (part('button.play')) part('button.play').textContent = 'Play';
};
const play = () => {
  stop();
  if (!part('button.play')) return;
  part('button.play').textContent = 'Pause';
  hold = 0;
  timer = setInterval(() => {
    const range = part('input[type=range]');
    if (!range) return stop();
    if (Number(range.value) < Number(range.max)) return show(Number(range.value) + 1);
    hold += 1;  // the finished image stays for a while
    if (hold > 8) { hold = 0; show(1); }
  }, 180);
};
element.addEventListener('click', (event) => {
  if (!event.target.closest('button.play')) return;
  if (timer) return stop();
  const range = part('input[type=range]');
  if (range.value === range.max) show(1);
  play();
});
element.addEventListener('input', (event) => {
  if (!event.target.matches('input[type=range]')) return;
  stop();
  show(Number(event.target.value));
});
const fresh = () => {
  const drawing = part('.drawing[data-steps]');
  if (!drawing || drawing.dataset.seen) return;
  drawing.dataset.seen = '1';
  if (calm.matches) return stop();
  show(1);
  play();
};
new MutationObserver(fresh).observe(element, {childList: true, subtree: true});
fresh();
