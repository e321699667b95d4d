/* Which chat was clicked. */
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-name]");
  if (button) trigger("select", { name: button.dataset.name });
});
