/* Word maps. The value grows line by line, so that a stream sends each pass once: first {words, passes, chosen}, then
   one object a pass {pass, img, grids: [{h, w, tops, cells}]}: for each word the largest share, and its shares as bytes,
   255 for the largest, in base64; last {without: [{img, moved}]}, a picture for each word. */
let head = { words: [] }, opening = "", passes = [], without = [], chosen = 0, size = 0;
const one = (selector) => element.querySelector(selector);
const all = (selector) => Array.from(element.querySelectorAll(selector));
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
const frames = () => passes.length;

function read(line) {
  const step = JSON.parse(line), picture = new Image();
  picture.src = step.img;
  const grids = step.grids.map(({ h, w, tops, cells }) => {
    const bytes = Uint8Array.from(atob(cells), (byte) => byte.charCodeAt(0));
    const words = tops.map((top, word) => Float32Array.from(bytes.subarray(word * h * w, (word + 1) * h * w), (byte) => byte * top / 255));
    return { h, w, tops, words, means: words.map((shares) => shares.reduce((a, b) => a + b, 0) / shares.length) };
  });
  return { pass: step.pass, picture, grids };
}
function grids(index) { return size ? [passes[index].grids[size - 1]] : passes[index].grids; }
function mean(index, word) {
  const layers = grids(index);
  return layers.reduce((sum, grid) => sum + grid.means[word], 0) / layers.length;
}
function most(word) { return Math.max(0.0001, ...passes.flatMap((_, index) => grids(index).map((grid) => grid.tops[word]))); }
function tint(grid, word, top) {
  const small = document.createElement("canvas");
  small.width = grid.w;
  small.height = grid.h;
  const context = small.getContext("2d"), pixels = context.createImageData(grid.w, grid.h);
  grid.words[word].forEach((share, index) => pixels.data.set([214, 84, 30, Math.round(235 * Math.min(1, share / top))], 4 * index));
  context.putImageData(pixels, 0, 0);
  return small;
}
function paint(canvas, index, word, top, plain) {
  const context = canvas.getContext("2d"), side = canvas.width, { picture } = passes[index];
  canvas.dataset.pass = String(index);
  if (!picture.complete) {
    picture.addEventListener("load", () => { if (canvas.dataset.pass === String(index)) paint(canvas, index, word, top, plain); }, { once: true });
    return;
  }
  context.globalCompositeOperation = "source-over";
  context.globalAlpha = 1;
  context.imageSmoothingEnabled = true;
  context.clearRect(0, 0, side, side);
  context.drawImage(picture, 0, 0, side, side);
  if (plain) return;
  context.globalCompositeOperation = "saturation";
  context.fillStyle = "#808080";
  context.fillRect(0, 0, side, side);
  context.globalCompositeOperation = "source-over";
  context.fillStyle = "rgba(250,247,241,0.35)";
  context.fillRect(0, 0, side, side);
  context.imageSmoothingEnabled = !size;
  grids(index).forEach((grid, layer) => {
    context.globalAlpha = 1 / (layer + 1);
    context.drawImage(tint(grid, word, top), 0, 0, side, side);
  });
}
function where(index, word) {
  const grid = grids(index)[0], shares = grid.words[word], at = shares.indexOf(Math.max(...shares));
  const row = Math.floor(at / grid.w) / (grid.h - 1 || 1), column = (at % grid.w) / (grid.w - 1 || 1);
  return `${row < 0.34 ? "top" : row > 0.66 ? "bottom" : "middle"} ${column < 0.34 ? "left" : column > 0.66 ? "right" : "centre"}`;
}
function draw(index) {
  const top = most(chosen), share = mean(index, chosen), pass = passes[index].pass;
  let rest = 1;
  paint(one(".guidance-heat"), index, chosen, top, false);
  paint(one(".guidance-guess"), index, chosen, top, true);
  all(".guidance-words > *").forEach((chip, word) => {
    const part = word < head.words.length ? mean(index, word) : rest;
    rest -= part;
    if (chip.dataset.word) chip.setAttribute("aria-pressed", String(word === chosen));
    chip.querySelector("i").style.width = `${100 * part}%`;
    chip.querySelector("small").textContent = percent(part);
  });
  all(".film-cell canvas").forEach((canvas, cell) => paint(canvas, cell, chosen, top, false));
  const missing = without[chosen], silent = one(".guidance-without");
  silent.hidden = !missing;
  one(".guidance-later").hidden = Boolean(missing);
  if (missing) { silent.src = missing.img; silent.alt = `The finished picture without “${head.words[chosen]}”`; }
  const moves = missing ? ` Without it the finished picture moves by ${percent(missing.moved)} of full scale.` : "";
  const said = `Pass ${pass} of ${head.passes}: “${head.words[chosen]}” gets ${percent(share)} of the attention, most strongly at the ${where(index, chosen)}. Full colour is ${percent(top)}.${moves}`;
  one(".guidance-heat").setAttribute("aria-label", said);
  one(".guidance-guess").setAttribute("aria-label", `The picture as guessed in pass ${pass}`);
  return said;
}
function chip(word, index) {
  const made = document.createElement(index < head.words.length ? "button" : "span");
  if (index < head.words.length) { made.type = "button"; made.dataset.word = String(index); }
  made.append(word, document.createElement("small"), document.createElement("i"));
  return made;
}
function refresh() {
  const sent = (props.value || "").split("\n").filter(Boolean), lines = sent.filter((line) => !line.startsWith('{"without"')), said = lines.length ? JSON.parse(lines[0]) : { words: [] };
  one(".guidance-maps").classList.toggle("guidance-blank", lines.length < 2);
  if (lines.length - 1 < passes.length || lines[1] !== opening || said.key !== head.key) {
    begin();
    passes = [];
    without = [];
    chosen = said.chosen || 0;
    one(".film-strip").replaceChildren();
  }
  [head, opening] = [said, lines[1]]; // another seed begins otherwise
  without = lines.length < sent.length ? JSON.parse(sent.at(-1)).without : [];
  if (!passes.length) one(".guidance-words").replaceChildren(...[...head.words, "no word"].map(chip));
  lines.slice(1 + passes.length).forEach((line) => {
    const cell = document.createElement("div"), canvas = document.createElement("canvas"), label = document.createElement("small");
    passes.push(read(line));
    canvas.width = canvas.height = 64;
    label.textContent = String(passes.at(-1).pass);
    cell.className = "film-cell";
    cell.append(canvas, label);
    one(".film-strip").append(cell);
  });
  if (passes.length && one(".guidance-size").options.length !== passes[0].grids.length + 1) {
    const sizes = ["all sizes", ...passes[0].grids.map((grid) => `${grid.h}×${grid.w} patches`)];
    one(".guidance-size").replaceChildren(...sizes.map((name, index) => new Option(name, String(index))));
    size = 0;
  }
  latest();
}
element.addEventListener("click", ({ target }) => {
  const word = target.closest("button[data-word]");
  if (word) { chosen = Number(word.dataset.word); show(current); }
});
element.addEventListener("input", ({ target }) => {
  if (target.matches(".guidance-size")) { size = Number(target.value); show(current); }
});
