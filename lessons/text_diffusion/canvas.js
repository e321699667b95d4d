/* Scrubs through the frames of a draft: each holds its canvas and the twin's words, hidden until it is shown. */
let run = "";
const all = (selector) => Array.from(element.querySelectorAll(selector));
const one = (selector) => element.querySelector(selector);
const frames = () => all(".film-cell").length;

function draw(index) {
  const cell = all(".film-cell")[index], stage = one(".text-diffusion-stage");
  stage.innerHTML = cell.querySelector(".text-diffusion-frame").innerHTML;
  return cell.dataset.caption;
}
function refresh() {
  const film = one(".film");
  if (!film) { stop(); run = ""; return; }
  if (film.dataset.run !== run) { run = film.dataset.run; begin(); }
  latest();
}
