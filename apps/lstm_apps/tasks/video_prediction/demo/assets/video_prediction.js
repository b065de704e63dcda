// The film is drawn anew with every forecast, so the listeners are its parent's, and a clock asks what is there.
const film = () => element.querySelector('.forecast[data-steps]');
let playing = !matchMedia('(prefers-reduced-motion: reduce)').matches;
const show = (number) => {
  const shown = film();
  if (!shown) return;
  const given = Number(shown.dataset.given), count = given + Number(shown.dataset.steps);
  const frame = ((number % count) + count) % count;
  for (const panel of shown.querySelectorAll('.frame'))
    panel.style.backgroundPosition = `0 ${count > 1 ? (100 * frame) / (count - 1) : 0}%`;
  shown.classList.toggle('ahead', frame >= given);
  shown.querySelector('input').value = frame;
  shown.querySelector('output').textContent =
    frame < given ? `given, frame ${frame + 1}` : `forecast, step ${frame - given + 1}`;
  shown.querySelector('.play').textContent = playing ? 'Pause' : 'Play';
  shown.dataset.frame = frame;
};
const now = () => Number(film()?.dataset.frame ?? -1);
element.addEventListener('input', (event) => {
  if (event.target.type !== 'range') return;
  playing = false;
  show(Number(event.target.value));
});
element.addEventListener('click', (event) => {
  if (!event.target.closest('.play')) return;
  playing = !playing;
  show(now());
});
let rest = 0; // the last frame stays a little
const clock = setInterval(() => {
  if (!element.isConnected) return clearInterval(clock);
  const shown = film();
  if (!shown) return;
  if (shown.dataset.frame === undefined) return show(0);
  if (!playing) return;
  const last = Number(shown.dataset.given) + Number(shown.dataset.steps) - 1;
  if (now() === last && rest++ < 5) return;
  rest = 0;
  show(now() + 1);
}, 140);
