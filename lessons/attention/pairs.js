/* Every pair of words of the head chosen above: rows look, columns are looked at. The value is JSON of the choice, the
   pair included; a click on a pair changes it and fires "select". */
const grid = element.querySelector(".attention-pairs");
let told = null;

function draw() {
  const { pieces, shares, choice } = told, size = pieces.length, small = size > 16;
  const made = (tag, kind, text = "") => { const part = document.createElement(tag); part.className = kind; part.textContent = text; return part; };
  const name = (i) => pieces[i].replace(/^␣+(?=.)/, "");
  element.querySelector(".attention-caption").textContent =
    `Layer ${choice.layer}, head ${choice.head}: each row is a word that looks, each column where it looks, in %. Hatched: later words, closed.`;
  const cells = [made("span", "")];
  pieces.forEach((piece) => { const top = made("span", "attention-top"); top.append(made("span", "", piece)); cells.push(top); });
  shares.forEach((row, i) => {
    cells.push(made("span", "attention-rowname", pieces[i]));
    for (let j = 0; j < size; j += 1) {
      if (j > i) { cells.push(made("span", "attention-pair closed")); continue; }
      const cell = made("button", `attention-pair${row[j] > 0.55 ? " deep" : ""}`, small ? "" : String(Math.round(100 * row[j])));
      const on = i === choice.row && j === choice.column;
      Object.assign(cell, { type: "button", tabIndex: on ? 0 : -1, title: `“${name(i)}” looks at “${name(j)}” (position ${j}): ${(100 * row[j]).toFixed(1)} %` });
      Object.assign(cell.dataset, { row: i, col: j });
      cell.setAttribute("aria-label", cell.title);
      cell.setAttribute("aria-pressed", String(on));
      cell.style.setProperty("--shade", (row[j] > 0.55 ? 0.82 + 0.4 * (row[j] - 0.55) : 0.8 * row[j]).toFixed(3));
      cells.push(cell);
    }
  });
  const focused = grid.contains(document.activeElement);
  grid.classList.toggle("small", small);
  grid.style.setProperty("--columns", size);
  grid.replaceChildren(...cells);
  if (focused) grid.querySelector("[aria-pressed=true]")?.focus({ preventScroll: true });
}
function keep() { props.value = JSON.stringify(told.choice); }

document.addEventListener("attention:chosen", (event) => { told = event.detail; keep(); draw(); });
element.addEventListener("click", (event) => {
  const cell = event.target.closest("button[data-row]");
  if (!cell) return;
  Object.assign(told.choice, { row: Number(cell.dataset.row), column: Number(cell.dataset.col) });
  keep();
  draw();
  grid.querySelector("[aria-pressed=true]")?.focus({ preventScroll: true });
  trigger("select", {});
});
element.addEventListener("keydown", (event) => {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const cell = event.target.closest("button[data-row]");
  if (!step || !cell || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  grid.querySelector(`button[data-row="${Number(cell.dataset.row) + step[0]}"][data-col="${Number(cell.dataset.col) + step[1]}"]`)?.focus();
});
document.dispatchEvent(new CustomEvent("attention:ask"));
