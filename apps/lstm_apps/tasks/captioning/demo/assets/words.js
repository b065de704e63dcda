const words = () => [...element.querySelectorAll('button.word')];
const pinned = () => element.querySelector('button.word[aria-pressed=true]');
const look = (word) => {
  const view = document.querySelector('#captioning-photo');
  const veil = view && view.querySelector('.veil');
  if (!veil) return;
  const mask = word ? `url(${word.dataset.veil})` : 'none';
  veil.style.maskImage = veil.style.webkitMaskImage = mask;
  veil.classList.toggle('on', Boolean(word));
  view.querySelector('figcaption').textContent =
    word ? `Where it looked for “${word.dataset.word}”` : view.querySelector('figcaption').dataset.hint;
};
const pin = (word) => {
  for (const other of words()) other.setAttribute('aria-pressed', String(other === word));
  look(word);
};
element.addEventListener('click', (event) => {
  const word = event.target.closest('button.word');
  if (word) return pin(word.getAttribute('aria-pressed') === 'true' ? null : word);
  const other = event.target.closest('button.other');
  if (!other) return;
  for (const each of element.querySelectorAll('button.other'))
    each.setAttribute('aria-pressed', String(each === other));
  for (const each of element.querySelectorAll('.sentence')) each.hidden = each.dataset.number !== other.dataset.number;
  pin(null);
});
element.addEventListener('keydown', (event) => { if (event.key === 'Escape') pin(null); });
element.addEventListener('pointerover', (event) => {
  const word = event.target.closest('button.word');
  if (word && event.pointerType === 'mouse') look(word);
});
element.addEventListener('pointerout', (event) => {
  if (event.target.closest('button.word') && event.pointerType === 'mouse') look(pinned());
});
