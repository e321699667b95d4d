/* The drawing pad: a canvas whose points, [[x, y], …] in −1…1 with y upwards, are the component's value. A stroke
   of the pointer fires "input"; a shape or letters sent from outside do not. */
const canvas = element.querySelector("canvas"), words = element.querySelector(".noising-pad-words");
const LIMIT = 3000;
let dots = [], last = null;

function draw() {
  const context = canvas.getContext("2d"), side = canvas.width;
  context.clearRect(0, 0, side, side);
  context.fillStyle = getComputedStyle(canvas).color;
  dots.forEach(([x, y]) => {
    context.beginPath();
    context.arc((x + 1) / 2 * side, (1 - y) / 2 * side, side / 130, 0, 7);
    context.fill();
  });
  words.textContent = dots.length ? `${dots.length} points on the pad` : "The pad is empty";
}
function read() {
  try { dots = JSON.parse(props.value || "[]"); } catch { dots = []; }
  if (!Array.isArray(dots)) dots = [];
  draw();
}
const place = (event) => {
  const box = canvas.getBoundingClientRect(), within = (share) => Math.max(-1, Math.min(1, share * 2 - 1));
  return [within((event.clientX - box.left) / box.width), -within((event.clientY - box.top) / box.height)];
};
function add(to) {
  const from = last || to, steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / 0.01));
  for (let step = 1; step <= steps && dots.length < LIMIT; step += 1) {
    const share = step / steps, wobble = () => (Math.random() - 0.5) * 0.03;
    dots.push([from[0] + (to[0] - from[0]) * share + wobble(), from[1] + (to[1] - from[1]) * share + wobble()]
      .map((number) => Math.round(Math.max(-1, Math.min(1, number)) * 1000) / 1000));
  }
  last = to;
  draw();
}
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  last = null;
  add(place(event));
  event.preventDefault();
});
canvas.addEventListener("pointermove", (event) => { if (last) add(place(event)); });
const finish = () => { if (last) { last = null; props.value = JSON.stringify(dots); trigger("input", {}); setTimeout(draw, 0); } };
canvas.addEventListener("pointerup", finish);
canvas.addEventListener("pointercancel", finish);
new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
watch("value", read);
read();
