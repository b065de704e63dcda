const chosen = () => element.querySelector('.text:not([hidden])');
const save = (name, kind, content) => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], {type: kind}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
const choose = (number) => {
  element.querySelectorAll('.text').forEach((text, place) => { text.hidden = place !== number; });
  element.querySelectorAll('.other').forEach((other, place) => {
    other.setAttribute('aria-pressed', place === number);
  });
};
const tell = (event) => {
  const word = event.target.closest('[data-about]'), line = element.querySelector('.about');
  if (word && line) line.textContent = word.dataset.about;
};
element.addEventListener('pointerover', tell);
element.addEventListener('focusin', tell);
element.addEventListener('click', (event) => {
  tell(event);
  const other = event.target.closest('.other');
  if (other) return choose(Number(other.dataset.number));
  const button = event.target.closest('[data-save]');
  if (!button || !chosen()) return;
  const {text, name} = chosen().dataset;
  if (button.dataset.save === 'text') return save(`${name}.txt`, 'text/plain', text + '\n');
  const paper = document.querySelector('#reading-pad .paper-pad');
  const about = {format: 'lstm-models drawing', version: 1, text, style: '', seed: null, notes: []};
  save(`${name}.json`, 'application/json', JSON.stringify({...about, strokes: paper.drawn()}) + '\n');
});
