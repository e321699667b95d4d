/* Which bundled picture is chosen. */
function mark(name) {
  element.querySelectorAll("button[data-name]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.name === name));
  });
}
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-name]");
  if (!button) return;
  mark(button.dataset.name);
  trigger("select", { name: button.dataset.name });
});
