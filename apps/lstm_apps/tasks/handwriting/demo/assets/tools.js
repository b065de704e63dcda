element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-do]');
  if (!button || button.disabled) return;
  const {do: what, value} = button.dataset;
  if (what === 'save') trigger('save', {kind: value});
  if (what === 'turn') trigger('turn', {page: Number(value)});
  if (what === 'replay') trigger('replay', {});
});
