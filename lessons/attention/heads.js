/* Every head over every pair of words. The value is JSON of one pass, so that nothing here waits for the server: the
   dials choose a head, a word looks, marks choose the words to watch. What is chosen goes to the next screens as the
   event "attention:chosen" on the document, again whenever one of them asks. */
const one = (selector, within = element) => within.querySelector(selector);
const words = one(".attention-words"), grid = one(".attention-grid");
const percent = (share) => `${(100 * share).toFixed(1)} %`;
let data = null, roots = null, chosen = null, waiting = null;

const name = (i) => data.pieces[i].replace(/^␣+(?=.)/, "");
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
function looks(layer, head, looker) { /* where a word looks: the first word has what the others leave */
  const size = data.pieces.length, start = (layer * data.heads + head) * size * (size - 1) / 2 + looker * (looker - 1) / 2;
  const others = Array.from(roots.subarray(start, start + looker), (root) => (root / 65535) ** 2);
  return [Math.max(0, 1 - sum(others)), ...others];
}
function row(layer, head) {
  const shares = looks(layer, head, chosen.row);
  if (!leftOut()) return shares;
  const rest = sum(shares.slice(1)) || 1;
  return shares.map((share, i) => (i ? share / rest : 0));
}
const leftOut = () => chosen.first && chosen.row > 0;
const every = (visit) => { for (let layer = 0; layer < data.layers; layer += 1) for (let head = 0; head < data.heads; head += 1) visit(layer, head); };
const made = (tag, kind, text = "") => { const part = document.createElement(tag); part.className = kind; part.textContent = text; return part; };
function button(kind, line, column) {
  const part = made("button", kind);
  part.type = "button";
  part.tabIndex = -1;
  part.dataset.row = line;
  part.dataset.col = column;
  return part;
}

function build() {
  words.replaceChildren(...data.pieces.map((piece, i) => {
    const column = made("div", "attention-column"), look = button("attention-word", 0, i), rod = made("span", "attention-rod");
    rod.append(made("i", ""), made("b", ""), made("u", ""));
    rod.setAttribute("aria-hidden", "true");
    look.append(rod, made("span", "attention-share"), made("span", "attention-text", piece));
    column.append(look, button("attention-watch", 1, i));
    return column;
  }));
  const edge = (layer) => layer % 5 === 0 || layer === data.layers - 1;
  const heads = Array.from({ length: data.heads }, (_, head) => [made("span", "attention-head", `H${head}`),
    ...Array.from({ length: data.layers }, (_, layer) => button("attention-cell", head, layer))]);
  grid.replaceChildren(made("span", "attention-layer", "layer"),
    ...Array.from({ length: data.layers }, (_, layer) => made("span", "attention-layer", edge(layer) ? String(layer) : "")), ...heads.flat());
  grid.style.setProperty("--columns", data.layers);
  for (const [dial, most] of [["layer", data.layers - 1], ["head", data.heads - 1]]) one(`[data-dial=${dial}]`).max = String(most);
  fit();
}
function fit() { /* all words lie, or all stand, so that they keep one baseline */
  const longest = Math.max(1, ...data.pieces.map((piece) => piece.length));
  words.classList.toggle("standing", words.clientWidth / data.pieces.length < 8.6 * longest + 10);
}

function drawHead() {
  const { layer, head } = chosen, shares = row(layer, head);
  for (const dial of ["layer", "head"]) {
    const slider = one(`[data-dial=${dial}]`);
    if (Number(slider.value) !== chosen[dial]) slider.value = String(chosen[dial]);
    one("output", slider.closest("label")).textContent = String(chosen[dial]);
  }
  words.querySelectorAll(".attention-word").forEach((word, i) => {
    const later = i > chosen.row, out = leftOut() && i === 0;
    const says = later ? "comes later, hidden" : out ? "left out" : percent(shares[i]);
    word.style.setProperty("--share", (shares[i] || 0).toFixed(4));
    word.setAttribute("aria-label", `${name(i)}, position ${i}: ${says}${i === chosen.row ? ". This word looks." : ". Press to look from here."}`);
    one(".attention-share", word).textContent = later ? "later" : out ? "left out" : percent(shares[i]);
  });
  grid.querySelectorAll(".attention-cell").forEach((cell) => {
    const on = Number(cell.dataset.col) === layer && Number(cell.dataset.row) === head;
    cell.setAttribute("aria-pressed", String(on));
    cell.tabIndex = on ? 0 : -1;
  });
  const best = shares.indexOf(Math.max(...shares));
  one(".attention-told").textContent = `Layer ${layer}, head ${head}: “${name(chosen.row)}” looks most at “${name(best)}”, ${percent(shares[best])}.`;
  clearTimeout(waiting);
  waiting = setTimeout(tell, 120);
}
function drawAll() {
  const mean = new Array(chosen.row + 1).fill(0), count = data.layers * data.heads, seen = [];
  every((layer, head) => {
    const shares = row(layer, head);
    shares.forEach((share, i) => { mean[i] += share / count; });
    seen.push([layer, head, sum([...chosen.watched].map((i) => shares[i] || 0))]);
  });
  const even = 1 / Math.max(chosen.row + 1 - leftOut(), 1), peak = Math.max(1e-9, ...seen.map(([, , share]) => share));
  words.querySelectorAll(".attention-column").forEach((column, i) => {
    const word = one(".attention-word", column), watch = one(".attention-watch", column), on = chosen.watched.has(i);
    const open = i <= chosen.row && !(leftOut() && i === 0), looking = i === chosen.row;
    word.className = `attention-word${looking ? " looker" : ""}${on ? " watched" : ""}${open ? "" : " closed"}`;
    word.setAttribute("aria-pressed", String(looking));
    word.tabIndex = looking ? 0 : -1;
    word.style.setProperty("--mean", (mean[i] || 0).toFixed(4));
    word.style.setProperty("--even", even.toFixed(4));
    watch.textContent = on ? "◆" : "◇";
    watch.tabIndex = i === 0 ? 0 : -1;
    watch.setAttribute("aria-pressed", String(on));
    watch.setAttribute("aria-label", `Watch “${name(i)}”, position ${i}`);
  });
  const watched = [...chosen.watched].sort((a, b) => a - b).map((i) => `“${name(i)}”`).join(" + ");
  one(".attention-even").textContent = `even spread, ${percent(even)}`;
  one(".attention-mean").textContent = `mean of all ${count} heads`;
  one(".attention-caption").textContent = watched
    ? `How much of what “${name(chosen.row)}” looks at is ${watched}, head by head, in %`
    : "Mark words to watch (◇), and every head shows how much it looks at them.";
  for (const [layer, head, share] of seen) {
    const cell = grid.children[(head + 1) * (data.layers + 1) + layer + 1], strength = share / peak, deep = strength > 0.55;
    cell.classList.toggle("deep", deep);
    cell.style.setProperty("--shade", (deep ? 0.82 + 0.4 * (strength - 0.55) : 0.8 * strength).toFixed(3));
    cell.textContent = share >= 0.095 ? String(Math.round(100 * share)) : "";
    cell.title = `layer ${layer}, head ${head}: ${percent(share)} on the watched words`;
    cell.setAttribute("aria-label", cell.title);
  }
  drawHead();
}
function tell() {
  if (!data) return;
  const { layer, head, row: looker } = chosen, shares = data.pieces.map((_, i) => looks(layer, head, i));
  const near = [...chosen.watched].filter((i) => i <= looker), open = near.length ? near : [...Array(looker + 1).keys()].slice(looker ? 1 : 0);
  const column = open.reduce((best, i) => (shares[looker][i] > shares[looker][best] ? i : best), open[0]);
  document.dispatchEvent(new CustomEvent("attention:chosen", { detail: {
    pieces: data.pieces, shares,
    choice: { text: data.text, watched: [...chosen.watched].sort((a, b) => a - b), layer, head, row: looker, column },
  } }));
}
function refresh() {
  try { data = JSON.parse(props.value); } catch { data = null; }
  if (!data || !data.roots) { data = null; element.classList.add("attention-unread"); return; }
  element.classList.remove("attention-unread");
  roots = new Uint16Array(Uint8Array.from(atob(data.roots), (letter) => letter.charCodeAt(0)).buffer);
  chosen = { row: data.pieces.length - 1, watched: new Set(data.watched), layer: data.layer, head: data.head, first: one("[data-dial=first]").checked };
  build();
  drawAll();
}

element.addEventListener("input", (event) => {
  const dial = event.target.dataset.dial;
  if (!data || !dial) return;
  if (dial === "first") { chosen.first = event.target.checked; drawAll(); } else { chosen[dial] = Number(event.target.value); drawHead(); }
});
element.addEventListener("click", (event) => {
  const part = event.target.closest("button[data-row]");
  if (!part) return;
  const line = Number(part.dataset.row), column = Number(part.dataset.col);
  if (part.matches(".attention-cell")) { Object.assign(chosen, { layer: column, head: line }); drawHead(); return; }
  if (part.matches(".attention-watch")) chosen.watched.has(column) ? chosen.watched.delete(column) : chosen.watched.add(column);
  else chosen.row = column;
  drawAll();
});
element.addEventListener("keydown", (event) => {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const part = event.target.closest("button[data-row]");
  if (!step || !part || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const box = part.closest("[role=group]");
  one(`button[data-row="${Number(part.dataset.row) + step[0]}"][data-col="${Number(part.dataset.col) + step[1]}"]`, box)?.focus();
});
document.addEventListener("attention:ask", tell);
new ResizeObserver(() => { if (data) fit(); }).observe(words);
watch("value", refresh);
refresh();
