/* A cloud of points on its way. The value is JSON: frames [[x, y, x, y, …], …] in thousandths, labels, drawing. */
const NOTHING = { frames: [], labels: [], drawing: [] };
let value = NOTHING, current = 0, timer = null, key = "";
const one = (selector) => element.querySelector(selector);
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

function dots(context, numbers, side, radius) {
  for (let index = 0; index < numbers.length; index += 2) {
    context.beginPath();
    context.arc((numbers[index] / 1300 + 1) / 2 * side, (1 - numbers[index + 1] / 1300) / 2 * side, radius, 0, 7);
    context.fill();
  }
}
function show(index) {
  const canvas = one("canvas"), slider = one("input"), context = canvas.getContext("2d"), side = canvas.width;
  current = Math.max(0, Math.min(index, value.frames.length - 1));
  context.clearRect(0, 0, side, side);
  if (!value.frames.length) return;
  context.globalAlpha = 0.28;
  context.fillStyle = getComputedStyle(one(".noising-cloud-words")).color;
  dots(context, value.drawing, side, side / 150);
  context.globalAlpha = 0.85;
  context.fillStyle = getComputedStyle(canvas).color;
  dots(context, value.frames[current], side, side / 110);
  one(".noising-cloud-words").textContent = value.labels[current] || "";
  slider.value = String(current);
  slider.setAttribute("aria-valuetext", value.labels[current] || "");
}
function stop() { clearInterval(timer); timer = null; one("button").textContent = "Play"; }
function play(last = value.frames.length - 1) {
  if (current >= value.frames.length - 1) show(0);
  one("button").textContent = "Pause";
  timer = setInterval(() => { show(current + 1); if (current >= last) stop(); }, 60);
}
function refresh() {
  try { value = { ...NOTHING, ...JSON.parse(props.value) }; } catch { value = NOTHING; }
  const many = value.frames.length > 1, slider = one("input"), fresh = value.key !== key;
  key = value.key;
  slider.max = String(Math.max(0, value.frames.length - 1));
  slider.disabled = !many;
  one("button").disabled = !many;
  one("canvas").setAttribute("aria-label", value.alt || "Nothing trained yet");
  if (!many) { stop(); show(0); if (!value.frames.length) one(".noising-cloud-words").textContent = "Nothing trained yet"; return; }
  if (!fresh) { show(current); return; }
  stop();
  show(still ? value.middle : 0);
  if (!still) play(value.middle);  // and stands where the points have landed
}
element.addEventListener("input", (event) => { if (event.target.matches("input")) { stop(); show(Number(event.target.value)); } });
element.addEventListener("click", (event) => { if (event.target.closest("button")) { if (timer) stop(); else play(); } });
new MutationObserver(() => show(current)).observe(document.body, { attributes: true, attributeFilter: ["class"] });
watch("value", refresh);
refresh();
