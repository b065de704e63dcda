'use strict';
const message = document.getElementById('message');
const quoted = text => text.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const parts = photo => ({ field: photo.querySelector('textarea'), code: photo.querySelector('code'),
  image: photo.querySelector('.frame img'), src: photo.dataset.src });
const clean = field => field.value.replace(/\s+/g, ' ').trim();
const line = photo => { const p = parts(photo);
  return `<img src="${quoted(p.src)}" alt="${quoted(clean(p.field))}">`; };
const edited = photo => { const p = parts(photo); p.code.textContent = line(photo);
  if (p.image) p.image.alt = clean(p.field); };
const photos = [...document.querySelectorAll('.photo')];
async function copy(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { /* not allowed here: the old way */ }
  const field = document.createElement('textarea');
  const before = document.activeElement;
  field.value = text; field.style.position = 'fixed'; field.style.opacity = '0';
  document.body.append(field); field.select();
  let done = false;
  try { done = document.execCommand('copy'); } catch { /* neither way */ }
  field.remove(); before?.focus();
  return done;
}
document.addEventListener('input', event => {
  const photo = event.target.closest?.('.photo');
  if (photo) edited(photo);
});
document.addEventListener('click', async event => {
  const button = event.target.closest?.('button'), photo = button?.closest('.photo');
  if (!photo) return;
  if (button.classList.contains('other')) {
    const field = parts(photo).field;
    field.value = button.textContent; edited(photo); field.focus();
  } else if (button.classList.contains('copy')) {
    const done = await copy(line(photo));
    message.textContent = done ? 'Copied: ' + clean(parts(photo).field) : 'Not copied: select the line and copy it.';
    button.textContent = done ? 'Copied' : 'Copy';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  }
});
const only = document.getElementById('only');
const count = document.getElementById('counts').textContent;
message.textContent = count;
only.addEventListener('change', () => {
  const left = document.querySelectorAll('.photo.uncertain').length;
  message.textContent = only.checked && !left ? 'No caption is uncertain.' : count;
});
const table = document.getElementById('table');
table.hidden = photos.length === 0;
table.addEventListener('click', () => {
  const cell = text => '"' + text.replace(/"/g, '""') + '"';
  const rows = photos.map(photo => cell(photo.querySelector('h2').textContent) + ',' + cell(clean(parts(photo).field)));
  const link = document.createElement('a');
  const text = '\ufeffphoto,alt\r\n' + rows.join('\r\n') + '\r\n';
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  link.download = 'alt-texts.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});
