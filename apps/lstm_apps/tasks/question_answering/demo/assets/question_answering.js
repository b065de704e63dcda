// The words are drawn anew with every answer, so the listeners are their parent's.
const clear = () => {
  for (const word of element.querySelectorAll('.word.look, .word.here')) {
    word.classList.remove('look', 'here');
    word.style.removeProperty('--look');
  }
};
const show = (word) => {
  clear();
  if (!word || !word.dataset.looks) return;
  word.classList.add('here');
  for (const [number, share] of Object.entries(JSON.parse(word.dataset.looks))) {
    const seen = element.querySelector(`.passage .word[data-number="${number}"]`);
    if (!seen) continue;
    seen.classList.add('look');
    seen.style.setProperty('--look', share);
  }
};
element.addEventListener('pointerover', (event) => show(event.target.closest('.question .word')));
element.addEventListener('pointerleave', clear);
element.addEventListener('focusin', (event) => show(event.target.closest('.question .word')));
element.addEventListener('focusout', clear);
