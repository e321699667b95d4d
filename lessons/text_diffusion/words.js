/* The words of a story as buttons: a press tells which one; arrow keys, Home and End move among them. */
let held = false;
const words = () => Array.from(element.querySelectorAll("button[data-place]"));
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-place]");
  if (!button) return;
  const story = button.closest("[data-whose]").dataset;
  words().forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
  held = true;
  trigger("select", { whose: story.whose, seed: Number(story.seed), place: Number(button.dataset.place) });
});
element.addEventListener("keydown", (event) => {
  const all = words(), at = all.indexOf(event.target);
  if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const next = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined || !all[next]) return;
  event.preventDefault();
  all[at].tabIndex = -1;
  all[next].tabIndex = 0;
  all[next].focus();
});
element.addEventListener("focusout", (event) => { if (event.relatedTarget) held = false; });
watch("value", () => { // drawn anew after a press: the keyboard stays where it was
  if (held && document.activeElement === document.body) element.querySelector("button[aria-pressed=true]")?.focus();
});
