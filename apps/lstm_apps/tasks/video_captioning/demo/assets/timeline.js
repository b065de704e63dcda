const panels = () => [...element.querySelectorAll('.panel')];
const show = (number) => {
  for (const panel of panels()) panel.hidden = panel.dataset.number !== number;
  for (const shot of element.querySelectorAll('button.shot'))
    shot.setAttribute('aria-pressed', String(shot.dataset.number === number));
};
element.addEventListener('input', (event) => {
  if (!event.target.matches('.playhead')) return;
  const time = Number(event.target.value);
  const last = panels().at(-1);
  const panel = panels().find((each) => time < Number(each.dataset.end)) || last;
  if (panel) show(panel.dataset.number);
});
element.addEventListener('click', (event) => {
  const shot = event.target.closest('button.shot');
  if (!shot) return;
  show(shot.dataset.number);
  const panel = panels().find((each) => each.dataset.number === shot.dataset.number);
  const playhead = element.querySelector('.playhead');
  if (panel && playhead) playhead.value = panel.dataset.start;
});
