// The words are drawn anew with every translation, so the listeners are their parent's.
const clear = () => {
  for (const word of element.querySelectorAll('.word.look, .word.here')) {
    word.classList.remove('look', 'here');
    word.style.removeProperty('--look');
  }
};
const show = (word) => {
  clear();
  if (!word) return;
  word.classList.add('here');
  const other = word.dataset.side === 's' ? 't' : 's';
  for (const [number, share] of Object.entries(JSON.parse(word.dataset.looks))) {
    const seen = word.closest('.pair').querySelector(`.word[data-side=${other}][data-number="${number}"]`);
    if (!seen) continue;
    seen.classList.add('look');
    seen.style.setProperty('--look', Math.min(1, share * 1.2));
  }
};
element.addEventListener('pointerover', (event) => show(event.target.closest('.word')));
element.addEventListener('pointerleave', clear);
element.addEventListener('focusin', (event) => show(event.target.closest('.word')));
element.addEventListener('focusout', clear);
