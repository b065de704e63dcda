watch('value', () => {
  if (props.value) requestAnimationFrame(() => document.querySelector('#writing-file').click());
});
