/* The two predictions. The value grows line by line: first {key, scale, passes, shape: [C, h, w]}, then one object
   a pass {t, alpha, sigma, images: [without, with, guided], without: […], with: […]}, noises in thousandths. */
let head = null, passes = [], key = "", pass = 0, cell = [0, 0, 0], scale = 4, following = true, timer = null;
const one = (selector) => element.querySelector(selector);
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const text = (number) => (number < 0 ? "−" : "") + Math.abs(number).toFixed(3);
const offset = ([channel, row, column]) => (channel * head.shape[1] + row) * head.shape[2] + column;

function gap(step) {
  const plane = head.shape[1] * head.shape[2], sums = new Float32Array(plane);
  step.with.forEach((value, index) => { sums[index % plane] += (value - step.without[index]) ** 2; });
  return sums.map((sum) => Math.sqrt(sum) / 1000);
}
function biggest() {
  const differences = passes[pass].with.map((value, index) => Math.abs(value - passes[pass].without[index]));
  const at = differences.indexOf(Math.max(...differences)), plane = head.shape[1] * head.shape[2];
  return [Math.floor(at / plane), Math.floor((at % plane) / head.shape[2]), at % head.shape[2]];
}
function grid() {
  const canvas = one(".guidance-gap"), [, rows, columns] = head.shape, context = canvas.getContext("2d");
  const lengths = gap(passes[pass]), top = Math.max(...lengths, 1e-6), w = canvas.width / columns, h = canvas.height / rows;
  context.clearRect(0, 0, canvas.width, canvas.height);
  lengths.forEach((length, index) => {
    context.fillStyle = `rgba(214,84,30,${(0.04 + 0.96 * length / top).toFixed(3)})`;
    context.fillRect((index % columns) * w, Math.floor(index / columns) * h, w - 1, h - 1);
  });
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 3;
  context.strokeRect(cell[2] * w + 1, cell[1] * h + 1, w - 3, h - 3);
  canvas.setAttribute("aria-label", `Where the two predictions differ in pass ${pass + 1}; the chosen cell is row ${cell[1] + 1}, column ${cell[2] + 1}`);
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
function show() {
  if (!passes.length) return;
  pass = Math.max(0, Math.min(pass, passes.length - 1));
  const step = passes[pass], index = offset(cell), without = step.without[index] / 1000, withCaption = step.with[index] / 1000;
  const guided = without + scale * (withCaption - without);
  ["without", "with", "guided"].forEach((name, track) => {
    const image = one(`.branch-${name} img`);
    image.src = step.images[track];
    image.alt = [`The picture heading for in pass ${pass + 1} without the caption`, `The picture heading for in pass ${pass + 1} with the caption`, `The picture that the guided prediction of pass ${pass + 1} stands for`][track];
  });
  grid();
  line(without, withCaption, guided);
  one(".guidance-sum").textContent = `${text(without)} + ${scale} × (${text(withCaption)} − ${text(without)}) = ${text(guided)}`;
  one(".guidance-forksaid").textContent = `Pass ${pass + 1} of ${head.passes}, timestep ${step.t.toFixed(0)}. One of ${(head.shape[0] * head.shape[1] * head.shape[2]).toLocaleString("en")} numbers: channel ${cell[0] + 1}, row ${cell[1] + 1}, column ${cell[2] + 1}.`;
  one(".guidance-scale output").textContent = String(scale);
  const slider = one(".guidance-pass");
  slider.max = String(passes.length);
  slider.value = String(pass + 1);
  slider.setAttribute("aria-valuetext", `Pass ${pass + 1} of ${head.passes}`);
  one(".cell-channel").value = String(cell[0] + 1);
  one(".cell-row").value = String(cell[1] + 1);
  one(".cell-column").value = String(cell[2] + 1);
}
function stop() { clearInterval(timer); timer = null; one(".guidance-play").textContent = "Play"; }
function play() {
  following = false;
  if (pass >= passes.length - 1) pass = 0;
  one(".guidance-play").textContent = "Pause";
  show();
  timer = setInterval(() => { pass += 1; show(); if (pass >= passes.length - 1) stop(); }, still ? 900 : 240);
}
function refresh() {
  const lines = (props.value || "").split("\n").filter(Boolean);
  one(".guidance-fork").classList.toggle("guidance-blank", lines.length < 2);
  if (lines.length < 2) { if (!lines.length) key = ""; passes = []; return; }
  head = JSON.parse(lines[0]);
  if (head.key !== key) {
    stop();
    key = head.key;
    passes = [];
    following = true;
    scale = head.scale;
    one(".guidance-scale input").value = String(scale);
    ["channel", "row", "column"].forEach((name, axis) => { one(`.cell-${name}`).max = String(head.shape[axis]); });
  }
  const first = !passes.length;
  lines.slice(1 + passes.length).forEach((next) => passes.push(JSON.parse(next)));
  if (following) pass = passes.length - 1;
  if (first || (following && passes.length === Math.ceil(head.passes / 3))) cell = biggest();
  if (passes.length === head.passes && following) { following = false; pass = Math.floor(head.passes / 3); cell = biggest(); }
  show();
}
function clamp(axis, value) { return Math.max(0, Math.min(head.shape[axis] - 1, Math.round(value) - 1 || 0)); }
element.addEventListener("click", (event) => {
  if (event.target.closest(".guidance-play")) { if (timer) stop(); else play(); }
  const canvas = event.target.closest(".guidance-gap");
  if (canvas && head) {
    const box = canvas.getBoundingClientRect();
    cell = [cell[0], clamp(1, 1 + Math.floor((event.clientY - box.top) / box.height * head.shape[1])), clamp(2, 1 + Math.floor((event.clientX - box.left) / box.width * head.shape[2]))];
    show();
  }
});
element.addEventListener("input", (event) => {
  if (!head) return;
  if (event.target.matches(".guidance-pass")) { stop(); following = false; pass = Number(event.target.value) - 1; }
  if (event.target.matches(".guidance-scale input")) scale = Number(event.target.value);
  ["channel", "row", "column"].forEach((name, axis) => {
    if (event.target.matches(`.cell-${name}`) && event.target.value) cell[axis] = clamp(axis, Number(event.target.value));
  });
  show();
});
watch("value", refresh);
refresh();
