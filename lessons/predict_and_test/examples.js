/* Which example was clicked. */
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-caption]");
  if (button) trigger("select", { caption: button.dataset.caption });
});
