/* Arrow keys move among the buttons of a group, of which one is a tab stop; Home and End to the ends of a row. */
element.addEventListener("keydown", (event) => {
  const button = event.target.closest(":is(.tiles-grid, .tiles-entries, .tiles-cells) button");
  if (!button || event.altKey || event.ctrlKey || event.metaKey) return;
  const group = [...button.parentElement.children];
  const columns = getComputedStyle(button.parentElement).gridTemplateColumns.split(" ").length;
  const at = group.indexOf(button), start = at - at % columns;
  const goal = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: start, End: Math.min(start + columns, group.length) - 1 }[event.key];
  if (goal === undefined) return;
  event.preventDefault();
  const next = group[goal];
  if (!next) return;
  button.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
