/* A film strip. The server may append frames or put a new film in its place. */
let run = "";
const all = (selector) => Array.from(element.querySelectorAll(selector));
const one = (selector) => element.querySelector(selector);
const frames = () => all(".film-cell").length;

function draw(index) {
  const cell = all(".film-cell")[index], images = Array.from(cell.querySelectorAll("img"));
  all(".film-stage img").forEach((image, track) => {
    image.src = images[track].src;
    image.alt = images[track].alt;
    image.className = images[track].className;
  });
  return cell.dataset.caption;
}
function refresh() {
  const film = one(".film");
  if (!film) { stop(); run = ""; return; }
  if (film.dataset.run !== run) {
    run = film.dataset.run;
    begin(film.dataset.start === "" ? null : Number(film.dataset.start));
  }
  latest();
}
