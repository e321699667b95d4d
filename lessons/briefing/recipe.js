/* Where this page was opened, and the recipe that came behind the # of its address: told at the opening, and again when
   another link is followed while the page is open. */
const tell = () => {
  if (location.hash.startsWith("#recipe=")) document.getElementById("briefing-recipe")?.scrollIntoView();
  trigger("select", { address: location.origin + location.pathname, fragment: location.hash.slice(0, 4000) });
};
setTimeout(tell);
window.addEventListener("hashchange", tell);
