const radios = () => [...element.querySelectorAll('[role=radio]')];
let focused = null;
const mark = () => {
  const all = radios();
  const chosen = all.find((card) => card.dataset.name === props.value) || all[0];
  for (const card of all) {
    card.setAttribute('aria-checked', card === chosen);
    card.tabIndex = card === chosen ? 0 : -1;
  }
  if (focused && chosen && !element.contains(document.activeElement)) chosen.focus();
};
const choose = (card) => {
  focused = card.dataset.name;
  card.focus();
  props.value = card.dataset.name;
  mark();
  card.scrollIntoView({block: 'nearest', inline: 'nearest'});
  trigger('input');
};
element.addEventListener('click', (event) => {
  const card = event.target.closest('[role=radio]');
  if (card) choose(card);
});
element.addEventListener('keydown', (event) => {
  const all = radios(), place = all.indexOf(event.target.closest('[role=radio]'));
  const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
  const to = event.key === 'Home' ? 0 : event.key === 'End' ? all.length - 1
    : step && (place + step + all.length) % all.length;
  if (place < 0 || to === undefined) return;
  event.preventDefault();
  choose(all[to]);
});
element.addEventListener('focusout', (event) => { if (event.relatedTarget) focused = null; });
new MutationObserver(mark).observe(element, {childList: true, subtree: true});
mark();
