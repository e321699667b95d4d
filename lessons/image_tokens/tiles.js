/* A press on a number or on an entry of the wall marks its kind in both. */
function kind(entry) {
  const page = element.closest(".screen, section, main") || document;
  const all = [...page.querySelectorAll(":is(.tiles-grid, .tiles-entries) button")];
  return entry === undefined ? all : all.filter((one) => one.textContent === entry);
}
function rove() { // of each group the first button alone is a tab stop
  element.querySelectorAll(":is(.tiles-grid, .tiles-entries) button:not(:first-child)").forEach((one) => { one.tabIndex = -1; });
}
element.addEventListener("click", (event) => {
  const button = event.target.closest(":is(.tiles-grid, .tiles-entries) button");
  if (!button) return;
  const entry = button.textContent, again = button.classList.contains("marked");
  const told = (element.closest(".screen, section, main") || document).querySelector(".tiles-told");
  kind().forEach((one) => one.classList.remove("marked"));
  if (again) {
    if (told) told.textContent = "Nothing is marked.";
    return;
  }
  kind(entry).forEach((one) => one.classList.add("marked"));
  const count = kind(entry).filter((one) => one.closest(".tiles-grid")).length;
  if (told) told.textContent = `Entry ${entry}: ${count} ${count === 1 ? "tile" : "tiles"} of this picture.`;
});
watch("value", rove);
rove();
