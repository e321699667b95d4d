/* "Start afresh", here, in another tab or as the Start page's "Start over": whatever this browser kept is forgotten first. */
const KEPT = ["plan", "sealed", "results"].map((part) => "playground.predict-and-test." + part);
const forget = () => {
  KEPT.forEach((key) => localStorage.removeItem(key));
  trigger("select", {});
};
element.addEventListener("click", (event) => {
  if (event.target.closest("button") && confirm("Forget this plan, its answers and its results?")) forget();
});
const gone = () => KEPT.every((key) => localStorage.getItem(key) === null);
window.addEventListener("storage", ({ key, newValue }) => { if (newValue === null && KEPT.includes(key) && gone()) forget(); });
