/* The tiles of the written picture as buttons, which are made here: they would weigh more than the picture. A press on
   one asks for its scoreboard, a press on an entry of that lays it. The server may draw all of it anew. */
const SIDE = 16;
let focused = "";
function refresh() {
  const cells = element.querySelector(".tiles-cells");
  if (!cells) return;
  if (!cells.children.length) cells.append(...Array.from({ length: SIDE * SIDE }, (_, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.ariaLabel = `Row ${Math.floor(at / SIDE) + 1}, column ${at % SIDE + 1}`;
    return button;
  }));
  [...cells.children].forEach((button, at) => {
    const chosen = at === Number(cells.dataset.at);
    button.ariaPressed = String(chosen);
    button.tabIndex = chosen ? 0 : -1;
  });
  if (!focused || (document.activeElement && document.activeElement !== document.body)) return;
  element.querySelector(focused)?.focus({ preventScroll: true });
}
element.addEventListener("focusin", ({ target }) => {
  const cells = target.closest(".tiles-cells"), cell = cells ? [...cells.children].indexOf(target) + 1 : 0;
  focused = target.dataset.entry ? `[data-entry="${target.dataset.entry}"]` : cell ? `.tiles-cells button:nth-child(${cell})` : "";
});
element.addEventListener("click", (event) => {
  const button = event.target.closest("button"), cells = element.querySelector(".tiles-cells");
  if (!button || !cells) return;
  element.closest(".tiles-force")?.querySelectorAll(".block.reel").forEach((view) => { view.style.minHeight = `${view.offsetHeight}px`; }); // as at a press of a run's button
  if (button.dataset.entry) trigger("select", { entry: Number(button.dataset.entry), at: Number(cells.dataset.at) });
  else trigger("input", { at: [...cells.children].indexOf(button) });
});
watch("value", refresh);
refresh();
