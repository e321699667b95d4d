/* Arrow keys move among the buttons of a group, of which one is a tab stop. */
element.addEventListener("keydown", (event) => {
  const button = event.target.closest(":is(.tiles-grid, .tiles-entries, .tiles-cells) button");
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
