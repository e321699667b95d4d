/* Keys that can be pressed with a pointer or the keyboard, and the scoreboard under other dials, drawn here: its scores
   came with it, so a dial waits for nobody. Runs once for each view; the server may draw the view anew. */
const STEPS = 1024, DEEPEST = 64; // as in figures.py

// ---- the arithmetic of engines/text/dials.py, on scores sorted from the best (0) down ----
function unpack(scores, others) {
  const sorted = [];
  let step = 0;
  for (const letter of atob(others)) {
    for (let bit = 7, byte = letter.charCodeAt(0); bit >= 0; bit--) {
      if (byte >> bit & 1) sorted.push(step < DEEPEST * STEPS ? -step / STEPS : -Infinity); else step++;
    }
  }
  scores.forEach((score, rank) => { sorted[rank] = score; });
  return Float64Array.from(sorted);
}
function reshape(sorted, temperature, topP, dice) {
  const greedy = temperature === 0;
  const weights = sorted.map((score, rank) => (greedy ? Number(rank === 0) : Math.fround(Math.exp(score / temperature))));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let kept = 0, sum = 0, rest = 0, rank = -1, low = 0, high = 1;
  while (kept < weights.length && weights[kept] > 0 && (topP >= 1 || kept === 0 || sum < topP * all)) {
    rest += greedy ? 0 : weights[kept] * sorted[kept] / temperature;
    sum += weights[kept++];
  }
  for (let before = 0; rank < 0 || rank < kept && before <= dice * sum; ) { // the slice that holds the dice
    rank++;
    low = before / sum;
    before += weights[rank];
    high = before / sum;
    if (before > dice * sum || rank === kept - 1) break;
  }
  const chance = (place) => (place < kept ? weights[place] / sum : 0);
  return { kept, rank, low, high, chance, bits: Math.max(0, Math.log2(sum) - rest / sum / Math.LN2) };
}

// ---- numbers in words, as engines/statistics.py and figures.py have them ----
const FULL_BARS = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1];
const percent = (share) => (share && share < 0.001 ? "under 0.1 %" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);
const grouped = (count) => count.toLocaleString("en-US");
const counted = (count) => (count < 1000 ? String(count) : `about ${grouped(Number(count.toPrecision(2)))}`);

// ---- the scoreboard ----
let scores = null, dials = null, settling = null;
const one = (selector) => element.querySelector(selector);
function set(place, text) { if (place.textContent !== text) place.textContent = text; }
function read() {
  const data = one(".sampling-board")?.dataset;
  if (!data?.others) return null;
  if (scores?.others !== data.others) {
    const sorted = unpack(data.scores.split(" ").map(Number), data.others);
    scores = { others: data.others, sorted, belief: reshape(sorted, 1, 1, 0), names: data.names.split("\n"), ids: data.ids.split(" ") };
  }
  return data;
}
function draw() {
  const data = read();
  if (!data || !dials) return;
  const [temperature, topP] = dials;
  if (element.dataset.drawn === undefined && temperature === Number(data.temperature) && topP === Number(data.topP)) return;
  element.dataset.drawn = "";
  const forced = data.byHand === "true", { belief, names, ids } = scores;
  const now = reshape(scores.sorted, temperature, topP, Number(data.dice));
  const rows = [...element.querySelectorAll(".sampling-row")], slices = [...element.querySelectorAll(".sampling-slice")];
  const rank = forced ? ids.indexOf(data.key) : now.rank, top = rows.length - 1, outside = rank < 0 || rank >= top;
  const name = rank < 0 ? one(".sampling-wet-key").textContent : names[rank] ?? `key ${grouped(rank + 1)}`;
  const places = rows.map((row, place) => (place < top ? place : rank)), shown = places.slice(0, outside ? top + 1 : top);
  const highest = Math.max(...places.slice(0, top).map((place) => Math.max(now.chance(place), belief.chance(place))));
  const full = FULL_BARS.find((step) => highest <= step + 1e-9);
  set(one(".sampling-full"), `full bar ${percent(full)}`);
  one(".sampling-gap").classList.toggle("sampling-absent", !outside || rank < 0);
  set(one(".sampling-gap"), `… ${grouped(Math.max(rank - top, 0))} more ${rank - top === 1 ? "key" : "keys"} …`);
  rows[top].classList.toggle("sampling-absent", !outside);
  rows.forEach((row, index) => {
    const place = places[index], chance = now.chance(place), cut = chance === 0, before = belief.chance(place);
    const value = cut ? "cut" : percent(chance), key = row.querySelector(".sampling-key"), hit = index === (outside ? top : rank);
    row.classList.toggle("hit", hit);
    if (index >= shown.length || place < 0) return; // not seen, or pressed by hand so far down that only the server knows it
    row.classList.toggle("cut", cut);
    key.setAttribute("aria-pressed", String(hit));
    if (index === top) {
      set(key, name);
      key.disabled = ids[place] === undefined;
      key.dataset.token = ids[place] ?? "";
    }
    const label = `Press ${names[place] ?? name} instead. Rank ${place + 1}, ${percent(before)} before the dials, ${value} after`;
    key.setAttribute("aria-label", label);
    row.querySelector(".bar").style.width = `${100 * Math.min((cut ? before : chance) / full, 1)}%`;
    row.querySelector(".sampling-belief").style.left = `${100 * Math.min(before / full, 1)}%`;
    set(row.querySelector(".bar-value"), value);
    set(row.querySelector(".sampling-before"), percent(before));
  });
  let rest = 1;
  slices.forEach((slice, place) => {
    const last = place === slices.length - 1, share = last ? (now.kept > place ? rest : 0) : now.chance(place);
    const label = last ? `${grouped(now.kept - place)} others` : names[place];
    rest -= last ? 0 : share;
    slice.style.width = `${100 * share}%`;
    slice.classList.toggle("hit", !last && place === rank);
    set(slice, share * 62 > label.length ? label : "");
  });
  one(".sampling-pin").classList.toggle("sampling-absent", forced || temperature === 0);
  if (!forced) {
    const key = document.createElement("b"), thrown = document.createElement("b");
    key.textContent = name;
    thrown.textContent = Number(data.dice).toFixed(3);
    one(".sampling-caption").replaceChildren(...(temperature === 0
      ? ["No dice at temperature 0: the first key, ", key, ", is always taken."]
      : ["The dice: ", thrown, " falls on ", key, `, whose slice runs from ${now.low.toFixed(3)} to ${now.high.toFixed(3)}.`]));
    set(one(".sampling-wet-key"), name);
  }
  let believed = 0;
  for (let place = 0; place < now.kept; place++) believed += belief.chance(place);
  set(one(".sampling-left"), `${counted(now.kept)} kept, ${percent(believed)} of its belief · ${now.bits.toFixed(1)} bits`);
}

function settle() { // the server follows once the dial rests
  clearTimeout(settling);
  settling = setTimeout(() => trigger("release"), 400);
}

// ---- a link that holds the page ----
async function copy(button) {
  const data = read(), [t, p] = dials || [Number(data.temperature), Number(data.topP)];
  const address = `${location.origin}${location.pathname}#try=${encodeURIComponent(JSON.stringify({ ...JSON.parse(data.link), t, p }))}`;
  let said = "Too long for a link";
  if (address.length <= 8000) {
    history.replaceState(history.state, "", address);
    try { await navigator.clipboard.writeText(address); said = "Link copied"; } catch { said = "It is in the address bar"; }
  }
  button.textContent = said;
  setTimeout(() => { button.textContent = "Copy link"; }, 2500);
}
function asked() {
  if (location.hash.startsWith("#try=")) trigger("apply", { link: location.hash.slice(5) });
  else if (one(".sampling-board")) trigger("expand"); // a recorded page: the next key comes after it
}

// ---- keys ----
const ours = "button[data-token], button[data-at]";
const called = (button) => button && JSON.stringify({ ...button.dataset });
let focused = null;
element.addEventListener("focusin", (event) => { focused = called(event.target.closest(ours)); });
element.addEventListener("click", (event) => {
  const button = event.target.closest(ours), link = event.target.closest(".sampling-copy");
  if (link) copy(link);
  if (!button) return;
  focused = called(button);
  const { token, line, at } = button.dataset;
  trigger("select", { token: Number(token), line: line || "", at: Number(at) });
});
function refresh() {
  delete element.dataset.drawn;
  draw();
  if (element.dataset.drawn !== undefined) settle();
  const page = one(".sampling-page");
  if (page) page.scrollTop = page.scrollHeight;
  if (!focused || (document.activeElement && document.activeElement !== document.body)) return;
  const again = [...element.querySelectorAll(ours)].find((button) => called(button) === focused);
  if (again) again.focus({ preventScroll: true });
}
watch("value", refresh);

const desk = element.closest("#sampling-board");
if (desk) {
  const turned = () => {
    dials = desk.dials;
    draw();
    settle();
  };
  desk.addEventListener("dials", turned);
  if (desk.dials) turned();
  window.addEventListener("hashchange", () => { if (location.hash.startsWith("#try=")) asked(); });
  setTimeout(asked);
}
