/* Scrubs through frames by slider, Play and the cells of a strip. The script before it says what is scrubbed:
   `frames()` tells how many there are, `draw(index)` shows one and gives back its words. */
let current = 0, following = true, timer = null;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
function show(index) {
  if (!frames()) return;
  current = Math.max(0, Math.min(index, frames() - 1));
  all(".film-cell").forEach((cell, at) => cell.classList.toggle("current", at === current));
  const words = draw(current), slider = one(".film-slider");
  one(".film-caption").textContent = words;
  slider.max = String(Math.max(frames(), Number(slider.max)));
  slider.value = String(current + 1);
  slider.setAttribute("aria-valuetext", words);
  one(".film-play").textContent = timer ? "Pause" : "Play";
}
function stop() {
  clearInterval(timer);
  timer = null;
  const button = one(".film-play");
  if (button) button.textContent = "Play";
}
function begin(index = null) { stop(); following = index === null; current = index || 0; }
function latest() { show(following ? frames() - 1 : current); }
function play() {
  timer = setInterval(() => { if (current >= frames() - 2) stop(); show(current + 1); }, still ? 900 : 200);
  show(current >= frames() - 1 ? 0 : current);
}
element.addEventListener("input", ({ target }) => {
  if (!target.matches(".film-slider")) return;
  stop();
  following = false;
  show(Number(target.value) - 1);
});
element.addEventListener("click", ({ target }) => {
  const cell = target.closest(".film-cell"), button = target.closest(".film-play");
  if (!cell && !button) return;
  const playing = timer !== null;
  stop();
  following = false;
  if (cell) show(all(".film-cell").indexOf(cell)); else if (!playing) play();
});
watch("value", refresh);
refresh();
