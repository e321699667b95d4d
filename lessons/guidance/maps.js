/* Word maps. The value grows line by line, so that a stream sends each pass once: first {key, words}, then one
   object a pass {t, img, grids: [{h, w, cells: one list a word, in ten-thousandths}]}. */
let head = { words: [] }, passes = [], read = 0, key = "", chosen = 0, pass = 0, size = 0, following = true, timer = null;
const one = (selector) => element.querySelector(selector);
const all = (selector) => Array.from(element.querySelectorAll(selector));
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

function grids(index) {
  const drawn = passes[index].grids;
  return size ? [drawn[size - 1]] : drawn;
}
function mean(index, word) {
  const means = grids(index).map((grid) => grid.cells[word].reduce((a, b) => a + b, 0) / grid.cells[word].length);
  return means.reduce((a, b) => a + b, 0) / means.length / 10000;
}
function most(word) {
  let top = 1;
  passes.forEach((_, index) => grids(index).forEach((grid) => { top = Math.max(top, ...grid.cells[word]); }));
  return top;
}
function tint(grid, word, top) {
  const small = document.createElement("canvas");
  small.width = grid.w;
  small.height = grid.h;
  const context = small.getContext("2d"), pixels = context.createImageData(grid.w, grid.h);
  grid.cells[word].forEach((cell, index) => {
    const heat = Math.min(1, cell / top);
    pixels.data.set([214, 84, 30, Math.round(235 * heat)], 4 * index);
  });
  context.putImageData(pixels, 0, 0);
  return small;
}
function draw(canvas, index, word, top, plain) {
  const context = canvas.getContext("2d"), side = canvas.width, image = passes[index].image;
  const paint = () => {
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = 1;
    context.clearRect(0, 0, side, side);
    context.imageSmoothingEnabled = true;
    context.drawImage(image, 0, 0, side, side);
    if (plain) return;
    context.globalCompositeOperation = "saturation";
    context.fillStyle = "#808080";
    context.fillRect(0, 0, side, side);
    context.globalCompositeOperation = "source-over";
    context.fillStyle = "rgba(250,247,241,0.35)";
    context.fillRect(0, 0, side, side);
    const layers = grids(index);
    context.imageSmoothingEnabled = !size;
    layers.forEach((grid, layer) => {
      context.globalAlpha = 1 / (layer + 1);
      context.drawImage(tint(grid, word, top), 0, 0, side, side);
    });
    context.globalAlpha = 1;
  };
  if (image.complete) paint(); else image.addEventListener("load", () => { if (canvas.dataset.pass === String(index)) paint(); }, { once: true });
  canvas.dataset.pass = String(index);
}
function where(index, word) {
  const grid = grids(index)[0], cells = grid.cells[word], at = cells.indexOf(Math.max(...cells));
  const row = Math.floor(at / grid.w) / (grid.h - 1 || 1), column = (at % grid.w) / (grid.w - 1 || 1);
  const down = row < 0.34 ? "top" : row > 0.66 ? "bottom" : "middle", across = column < 0.34 ? "left" : column > 0.66 ? "right" : "centre";
  return `${down} ${across}`;
}
function show() {
  if (!passes.length || !head.words.length) return;
  pass = Math.max(0, Math.min(pass, passes.length - 1));
  const top = most(chosen), word = head.words[chosen], share = mean(pass, chosen);
  draw(one(".guidance-heat"), pass, chosen, top, false);
  draw(one(".guidance-guess"), pass, chosen, top, true);
  all(".guidance-words button").forEach((button, index) => {
    button.setAttribute("aria-pressed", String(index === chosen));
    button.querySelector("i").style.width = `${Math.min(100, 250 * mean(pass, index))}%`;
    button.querySelector("small").textContent = percent(mean(pass, index));
  });
  all(".guidance-strip canvas").forEach((canvas, index) => {
    canvas.classList.toggle("current", index === pass);
    draw(canvas, index, chosen, top, false);
  });
  const said = `Pass ${pass + 1} of ${head.passes}: “${word}” gets ${percent(share)} of the attention, most of it ${where(pass, chosen)}. Full colour is ${percent(top / 10000)}.`;
  one(".guidance-said").textContent = said;
  one(".guidance-heat").setAttribute("aria-label", said);
  one(".guidance-guess").setAttribute("aria-label", `The picture as guessed in pass ${pass + 1}`);
  const slider = one(".guidance-pass");
  slider.max = String(passes.length);
  slider.value = String(pass + 1);
  slider.setAttribute("aria-valuetext", said);
}
function button(word, index) {
  const made = document.createElement("button"), bar = document.createElement("i"), small = document.createElement("small");
  made.type = "button";
  made.dataset.word = String(index);
  made.append(word, small, bar);
  return made;
}
function begin() {
  key = head.key;
  passes = [];
  pass = 0;
  following = true;
  chosen = Math.max(0, head.chosen || 0);
  one(".guidance-words").replaceChildren(...head.words.map(button));
  one(".guidance-strip").replaceChildren();
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
  element.querySelector(".guidance-maps").classList.toggle("guidance-blank", lines.length < 2);
  if (!lines.length) { key = ""; passes = []; return; }
  head = JSON.parse(lines[0]);
  if (head.key !== key) { stop(); begin(); }
  for (const line of lines.slice(1 + passes.length)) {
    const step = JSON.parse(line), canvas = document.createElement("canvas");
    step.image = new Image();
    step.image.src = step.img;
    passes.push(step);
    canvas.width = canvas.height = 64;
    one(".guidance-strip").append(canvas);
    if (passes.length === 1) {
      const sizes = ["all sizes", ...step.grids.map((grid) => `${grid.h}×${grid.w} patches`)];
      one(".guidance-size").replaceChildren(...sizes.map((name, index) => new Option(name, String(index))));
      size = Math.min(size, step.grids.length);
      one(".guidance-size").value = String(size);
    }
  }
  if (following) pass = passes.length - 1;
  show();
}
element.addEventListener("click", (event) => {
  const word = event.target.closest("button[data-word]"), cell = event.target.closest(".guidance-strip canvas");
  if (word) { chosen = Number(word.dataset.word); show(); }
  if (cell) { stop(); following = false; pass = all(".guidance-strip canvas").indexOf(cell); show(); }
  if (event.target.closest(".guidance-play")) { if (timer) stop(); else play(); }
});
element.addEventListener("input", (event) => {
  if (event.target.matches(".guidance-pass")) { stop(); following = false; pass = Number(event.target.value) - 1; show(); }
  if (event.target.matches(".guidance-size")) { size = Number(event.target.value); show(); }
});
watch("value", refresh);
refresh();
