/* Scrubs a film strip. Runs once for each reel; the server may append frames or put a new film in its place. */
let run = "", current = 0, following = true, timer = null;
const all = (selector) => Array.from(element.querySelectorAll(selector));
const one = (selector) => element.querySelector(selector);

function show(index) {
  const cells = all(".film-cell");
  if (!cells.length) return;
  current = Math.max(0, Math.min(index, cells.length - 1));
  const cell = cells[current], slider = one(".film-slider");
  cells.forEach((other) => other.classList.toggle("current", other === cell));
  const images = Array.from(cell.querySelectorAll("img"));
  all(".film-stage img").forEach((image, track) => {
    image.src = images[track].src;
    image.alt = images[track].alt;
    image.className = images[track].className;
  });
  one(".film-caption").textContent = cell.dataset.caption;
  slider.value = String(current + 1);
  slider.setAttribute("aria-valuetext", cell.dataset.caption);
}
function stop() {
  clearInterval(timer);
  timer = null;
  const button = one(".film-play");
  if (button) button.textContent = "Play";
}
function play() {
  const last = all(".film-cell").length - 1;
  if (current >= last) show(0);
  one(".film-play").textContent = "Pause";
  timer = setInterval(() => { show(current + 1); if (current >= all(".film-cell").length - 1) stop(); }, 160);
}
function refresh() {
  const film = one(".film");
  if (!film) { stop(); run = ""; return; }
  if (film.dataset.run !== run) {
    stop();
    run = film.dataset.run;
    following = film.dataset.start === "";
    current = following ? 0 : Number(film.dataset.start);
  }
  if (timer) one(".film-play").textContent = "Pause";
  show(following ? all(".film-cell").length - 1 : current);
}
element.addEventListener("input", (event) => {
  if (!event.target.matches(".film-slider")) return;
  stop();
  following = false;
  show(Number(event.target.value) - 1);
});
element.addEventListener("click", (event) => {
  const cell = event.target.closest(".film-cell");
  if (cell) { stop(); following = false; show(all(".film-cell").indexOf(cell)); }
  if (event.target.closest(".film-play")) { following = false; if (timer) stop(); else play(); }
});
watch("value", refresh);
refresh();
