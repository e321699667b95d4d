/* Which example was clicked: its number among those offered. */
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-example]");
  if (button) trigger("select", { example: Number(button.dataset.example) });
});
