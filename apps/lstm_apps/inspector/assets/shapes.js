let samples = [];
const root = () => element.querySelector('.inside-shapes');
const show = () => {
  if (!root() || !samples.length) return;
  const one = samples[Number(element.querySelector('.sample-choice').value)];
  const at = element.querySelector('.at'), features = Number(root().dataset.features);
  at.max = one.steps - 1;
  const step = Math.min(Number(at.value), one.steps - 1);
  for (const other of samples) {
    other.now.hidden = other !== one;
    other.now.style.left = `${100 * (step + 0.5) / samples.longest}%`;
  }
  const column = one.values.subarray(step * features, (step + 1) * features);
  const names = root().dataset.first.split(' ');
  const first = [...column.subarray(0, 3)].map((value, k) => `${names[k] || ''} ${format(value)}`.trim()).join(', ');
  element.querySelector('.number-list').textContent =
    `x[${one.number}, ${step}, :] is one timestep, ${features} features: ${first}, \u2026`;
  const largest = Math.max(...column.map(Math.abs), 0.01);
  element.querySelector('.bars').setAttribute('d', [...column].map((value, k) =>
    `M${1000 * (k + 0.15) / features} 50h${700 / features}V${50 - 48 * value / largest}h${-700 / features}Z`).join(''));
};
const begin = () => {
  samples = [...element.querySelectorAll('.sample')].map((node) => ({
    number: Number(node.dataset.sample), steps: Number(node.dataset.steps), values: numbers(node),
    now: node.querySelector('.now'),
  }));
  samples.longest = Math.max(...samples.map((one) => one.steps));
  show();
};
element.addEventListener('input', show);
element.addEventListener('pointermove', (event) => {
  const lane = event.target.closest('.lane');
  if (!lane) return;
  const box = lane.getBoundingClientRect(), one = samples[Number(lane.parentElement.dataset.sample)];
  const step = Math.floor(samples.longest * (event.clientX - box.left) / box.width);
  if (step < 0 || step >= one.steps) return;
  element.querySelector('.sample-choice').value = one.number;
  element.querySelector('.at').max = one.steps - 1;
  element.querySelector('.at').value = step;
  show();
});
watch('value', () => setTimeout(begin));
begin();
