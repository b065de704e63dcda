// Plays a word at a click; shows in the picture and in the text where the recording is while it plays. Gradio draws the
// words anew with every update, so the listeners are their parent's; the sound is that of Gradio's own player.
const player = () => document.querySelector('#speech-file audio');
const all = (selector) => [...element.querySelectorAll(selector)];
let until = null, frame = 0, shown = null, releasing = null;
const describe = (word) => {
  const line = element.querySelector('.about');
  if (line && word !== shown) line.textContent = word ? word.dataset.about : line.dataset.hint;
  shown = word;
};
const show = () => {
  const sound = player();
  if (!sound) return;
  const at = sound.currentTime;
  if (until !== null && at >= until) { until = null; sound.pause(); }
  const strip = element.querySelector('.strip'), head = element.querySelector('.playhead');
  if (head) {
    const seconds = Number(element.querySelector('.track').dataset.seconds);
    head.hidden = at > seconds;
    head.style.left = `${100 * Math.min(1, at / seconds)}%`;
    const x = head.offsetLeft;
    if (!head.hidden && (x < strip.scrollLeft || x > strip.scrollLeft + strip.clientWidth - 40))
      strip.scrollLeft = Math.max(0, x - 80);
  }
  for (const word of all('[data-start]'))
    word.classList.toggle('now', at >= Number(word.dataset.start) - 0.005 && at < Number(word.dataset.end));
};
const follow = () => {
  show();
  const sound = player();
  frame = sound && !sound.paused ? requestAnimationFrame(follow) : 0;
};
const play = (from, to) => {
  const sound = player();
  if (!sound) return;
  if (!sound.dataset.followed) {
    sound.dataset.followed = true;
    for (const name of ['play', 'seeked', 'pause', 'ended'])
      sound.addEventListener(name, () => { if (!frame) frame = requestAnimationFrame(follow); });
  }
  until = to;
  sound.currentTime = from;
  sound.play().catch(() => {
    const line = element.querySelector('.about');
    if (line) line.textContent = 'This browser cannot play this kind of file.';
  });
};
element.addEventListener('click', (event) => {
  const word = event.target.closest('[data-start]');
  if (word) {
    describe(word);
    return play(Number(word.dataset.start), Number(word.dataset.end) + 0.03);
  }
  const track = event.target.closest('.track');
  if (!track) return;
  const box = track.getBoundingClientRect();
  play(Number(track.dataset.seconds) * (event.clientX - box.left) / box.width, null);
});
element.addEventListener('pointerover', (event) => {
  const word = event.target.closest('[data-about]');
  if (word && event.pointerType === 'mouse') describe(word);
});
element.addEventListener('focusin', (event) => {
  const word = event.target.closest('[data-about]');
  if (word) describe(word);
});
watch('value', () => {
  shown = null;
  const sound = player();
  if (sound && element.querySelector('.track')) sound.addEventListener('play', () => {
    if (!frame) frame = requestAnimationFrame(follow);
  });
  if (element.querySelector('[data-full]') && !releasing) releasing = setTimeout(() => {
    releasing = null;
    const stop = document.querySelector('#speech-microphone button.stop-button');
    if (stop && element.querySelector('[data-full]')) stop.click();
  }, 1000);  // Gradio's own opening of the stream comes first
});
