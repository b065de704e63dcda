const sight = new IntersectionObserver((entries) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  sight.disconnect();
  if (element.querySelector('.inside-none')) trigger('click', {});
});
sight.observe(element);
