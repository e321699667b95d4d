/* The two predictions. The value grows line by line: first {scale, passes, shape: [C, h, w]}, then one object a pass
   {pass, t, images: [without, with, guided], without, with}: noises in thousandths, as 16-bit numbers in base64. */
let head = null, opening = "", passes = [], cell = [0, 0, 0], scale = 4;
const one = (selector) => element.querySelector(selector);
const all = (selector) => Array.from(element.querySelectorAll(selector));
const frames = () => passes.length;
const text = (number) => (number < 0 ? "−" : "") + Math.abs(number).toFixed(3);
const offset = ([channel, row, column]) => (channel * head.shape[1] + row) * head.shape[2] + column;
const numbers = (base64) => new Int16Array(Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)).buffer);

function biggest(step) {
  const differences = Array.from(step.with, (value, index) => Math.abs(value - step.without[index]));
  const at = differences.indexOf(Math.max(...differences)), plane = head.shape[1] * head.shape[2];
  return [Math.floor(at / plane), Math.floor((at % plane) / head.shape[2]), at % head.shape[2]];
}
function grid(step) {
  const canvas = one(".guidance-gap"), [, rows, columns] = head.shape, context = canvas.getContext("2d");
  const plane = rows * columns, sums = new Float32Array(plane), w = canvas.width / columns, h = canvas.height / rows;
  step.with.forEach((value, index) => { sums[index % plane] += (value - step.without[index]) ** 2; });
  const lengths = sums.map(Math.sqrt), top = Math.max(...lengths, 1e-6);
  context.clearRect(0, 0, canvas.width, canvas.height);
  lengths.forEach((length, index) => {
    context.fillStyle = `rgba(214,84,30,${(0.04 + 0.96 * length / top).toFixed(3)})`;
    context.fillRect((index % columns) * w, Math.floor(index / columns) * h, w - 1, h - 1);
  });
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 3;
  context.strokeRect(cell[2] * w + 1, cell[1] * h + 1, w - 3, h - 3);
  canvas.setAttribute("aria-label", `Where the two predictions differ in pass ${step.pass}; the chosen cell is row ${cell[1] + 1}, column ${cell[2] + 1}`);
}
function line(without, withCaption, guided) {
  const low = Math.min(without, withCaption, guided), high = Math.max(without, withCaption, guided), room = (high - low) * 0.18 + 0.02;
  const at = (value) => 30 + 540 * (value - low + room) / (high - low + 2 * room);
  const set = (name, attributes) => Object.entries(attributes).forEach(([attribute, value]) => one(name).setAttribute(attribute, value));
  set(".mark-without", { transform: `translate(${at(without)} 62)` });
  set(".mark-with", { transform: `translate(${at(withCaption)} 62)` });
  set(".mark-guided", { transform: `translate(${at(guided)} 62)` });
  set(".line-gap", { x1: at(without), x2: at(withCaption) });
  set(".line-push", { x1: at(without), x2: at(guided) });
}
function draw(index) {
  const step = passes[index], at = offset(cell), without = step.without[at] / 1000, withCaption = step.with[at] / 1000;
  const guided = without + scale * (withCaption - without);
  const alts = [`The picture heading for in pass ${step.pass} without the caption`, `The picture heading for in pass ${step.pass} with the caption`, `The picture that the guided prediction of pass ${step.pass} stands for`];
  all(".film-stage img").forEach((image, track) => { image.src = step.images[track]; image.alt = alts[track]; });
  grid(step);
  line(without, withCaption, guided);
  one(".guidance-sum").textContent = `${text(without)} + ${scale} × (${text(withCaption)} − ${text(without)}) = ${text(guided)}`;
  one(".guidance-scale output").textContent = String(scale);
  ["channel", "row", "column"].forEach((name, axis) => { one(`.cell-${name}`).value = String(cell[axis] + 1); });
  return `Pass ${step.pass} of ${head.passes}, timestep ${step.t.toFixed(0)}. One of ${(head.shape[0] * head.shape[1] * head.shape[2]).toLocaleString("en")} numbers: channel ${cell[0] + 1}, row ${cell[1] + 1}, column ${cell[2] + 1}.`;
}
function refresh() {
  const lines = (props.value || "").split("\n").filter(Boolean);
  one(".guidance-fork").classList.toggle("guidance-blank", lines.length < 2);
  if (lines.length < 2) { begin(); passes = []; return; }
  const said = JSON.parse(lines[0]);
  if (lines.length - 1 < passes.length || lines[1] !== opening || said.key !== head?.key) { begin(); passes = []; }
  [head, opening] = [said, lines[1]]; // another seed begins otherwise
  const first = !passes.length, third = Math.floor(head.passes / 3);
  lines.slice(1 + passes.length).map(JSON.parse).forEach((step) => passes.push({ ...step, without: numbers(step.without), with: numbers(step.with) }));
  if (first) {
    scale = head.scale;
    one(".guidance-scale input").value = String(scale);
    ["channel", "row", "column"].forEach((name, axis) => { one(`.cell-${name}`).max = String(head.shape[axis]); });
  }
  if (first || following) cell = biggest(passes.at(-1));
  if (following && passes.at(-1).pass === head.passes) { // done: look at a third of the way
    begin(Math.max(0, passes.findIndex((step) => step.pass > third)));
    cell = biggest(passes[current]);
  }
  latest();
}
function clamp(axis, value) { return Math.max(0, Math.min(head.shape[axis] - 1, Math.round(value) - 1 || 0)); }
element.addEventListener("click", ({ target, clientX, clientY }) => {
  const canvas = target.closest(".guidance-gap");
  if (!canvas || !head) return;
  const box = canvas.getBoundingClientRect();
  cell = [cell[0], clamp(1, 1 + Math.floor((clientY - box.top) / box.height * head.shape[1])), clamp(2, 1 + Math.floor((clientX - box.left) / box.width * head.shape[2]))];
  show(current);
});
element.addEventListener("input", ({ target }) => {
  if (!head || target.matches(".film-slider") || target.value === "") return; // emptied, to type another number
  if (target.matches(".guidance-scale input")) scale = Number(target.value);
  ["channel", "row", "column"].forEach((name, axis) => {
    if (target.matches(`.cell-${name}`)) cell[axis] = clamp(axis, Number(target.value));
  });
  show(current);
});
element.addEventListener("change", ({ target }) => { if (head && target.value === "") show(current); });
