const numbers = (node) => {
  const bytes = Uint8Array.from(atob(node.dataset.values), (sign) => sign.charCodeAt(0));
  const whole = new Int16Array(bytes.buffer), scale = Number(node.dataset.scale);
  return Float32Array.from(whole, (number) => number * scale);
};
const format = (number) => number.toFixed(2).replace('-0.00', '0.00').replace('-', '\u2212');
