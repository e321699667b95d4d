/* A press on a number or on an entry of the wall marks its kind in both; arrow keys move within each. */
function page() {
  return element.closest(".screen, section, main") || document;
}
function places(entry) {
  return page().querySelectorAll(`.tiles-grid button[data-entry="${entry}"]`);
}
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-entry]");
  if (!button) return;
  const entry = button.dataset.entry;
  const again = button.classList.contains("marked");
  page().querySelectorAll("button[data-entry].marked").forEach((one) => one.classList.remove("marked"));
  const told = page().querySelector(".tiles-told");
  if (again) {
    if (told) told.textContent = "Nothing is marked.";
    return;
  }
  page().querySelectorAll(`button[data-entry="${entry}"]`).forEach((one) => one.classList.add("marked"));
  const count = places(entry).length;
  if (told) told.textContent = `Entry ${entry}: ${count} ${count === 1 ? "tile" : "tiles"} of this picture.`;
});
element.addEventListener("keydown", (event) => {
  const button = event.target.closest("button[data-entry]");
  if (!button || event.altKey || event.ctrlKey || event.metaKey) return;
  const group = [...button.parentElement.children];
  const columns = getComputedStyle(button.parentElement).gridTemplateColumns.split(" ").length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const next = step && group[group.indexOf(button) + step];
  if (!next) return;
  event.preventDefault();
  button.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
