/* "Start afresh", and what the Start page's "Start over" does here: whatever this browser kept is forgotten first. */
const forget = () => {
  ["plan", "sealed", "results"].forEach((part) => localStorage.removeItem("playground.predict-and-test." + part));
  trigger("select", {});
};
element.addEventListener("click", (event) => {
  if (event.target.closest("button") && confirm("Forget this plan, its answers and its results?")) forget();
});
window.addEventListener("playground-forget", forget);
