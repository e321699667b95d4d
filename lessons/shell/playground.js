/* What happens in the learner's browser and stays there: addresses, progress, quiz, flashcards, downloads.
   One listener on the document serves every page, so nothing has to be wired again when a view is redrawn. */
window.playground = (() => {
  "use strict";
  const KEY = "playground.progress";
  const EMPTY = () => ({ version: 1, last: "", answers: {}, misses: {}, predictions: {}, cards: {} });

  // Gradio's loader counts the time in every frame, and goes on when it has left the page: a clock that nobody sees.
  const LOADERS_CLOCK = /^\(\) ?=> ?\{\s*\w+\(\w+, ?\(performance\.now\(\) ?-/;
  const nextFrame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (step) => LOADERS_CLOCK.test(step) ? 0 : nextFrame(step);

  // ---- charts --------------------------------------------------------------------------------------------
  // What draws a chart is as large as all else together. It is fetched when one comes near, or may be about to change.
  const awaited = new Map(); // component -> the recorded chart that it is to show
  for (const { id, type, props } of window.gradio_config?.components ?? []) {
    if (type !== "plot" || !props.value) continue;
    awaited.set(id, props.value);
    props.value = null;
  }
  function due() { // again, as long as gradio has no ear for it
    clearTimeout(due.again);
    if (!awaited.size) return;
    document.querySelector("#charts-due")?.click();
    due.again = setTimeout(due, 300);
  }
  const near = new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) due(); }, { rootMargin: "600px 0px" });
  for (const touch of ["pointerdown", "keydown"]) document.addEventListener(touch, ({ target }) => { if (target.closest?.(".stage")) due(); }, true);
  function charts(ids, now) {
    const shown = ids.map((id, place) => now[place] ?? awaited.get(id) ?? null);
    awaited.clear();
    near.disconnect();
    charts.came = true;
    return shown.length === 1 ? shown[0] : shown;
  }

  // ---- what the browser keeps ----------------------------------------------------------------------------
  // Where it keeps nothing (denied, full), it stays here while the page is open, and the learner is told.
  const unkept = new Map();
  const native = { ...Object.getOwnPropertyDescriptors(Storage.prototype) };
  Storage.prototype.getItem = function (key) {
    if (unkept.has(key)) return unkept.get(key);
    try { return native.getItem.value.call(this, key); } catch { return null; }
  };
  Storage.prototype.removeItem = function (key) {
    unkept.delete(key);
    try { native.removeItem.value.call(this, key); } catch { /* nothing was kept */ }
  };
  Storage.prototype.setItem = function (key, value) {
    try {
      native.setItem.value.call(this, key, value);
      unkept.delete(key);
    } catch (error) {
      if (!String(key).startsWith("playground.")) throw error;
      unkept.set(key, String(value));
    }
    tellUnkept();
  };
  try { localStorage.getItem(KEY); } catch { Object.defineProperty(window, "localStorage", { value: Object.create(Storage.prototype) }); }
  function tellUnkept() {
    const place = document.querySelector(".unkept");
    if (!unkept.size || !document.body) place?.remove();
    else if (!place && !tellUnkept.known) {
      document.body.insertAdjacentHTML("beforeend", `<div class="unkept" role="status"><p>This browser keeps nothing for the playground: its storage is denied or full. What you did lasts until you leave this page.</p><button type="button" class="button" data-action="progress-save">Save to a file</button> <button type="button" class="button" data-action="unkept-known">Close</button></div>`);
    }
  }

  // ---- progress ------------------------------------------------------------------------------------------
  const RECIPE = "playground.briefing.recipe";
  const EXERCISE = [...["plan", "sealed", "results"].map((part) => "playground.predict-and-test." + part), RECIPE];
  const LARGEST = 8_000_000, MOST = 2000; // letters of a file, entries of a part
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const FULL = 3, LATE = 1; // points of a question right at the first choice, kept as true, and after a wrong one, kept as LATE
  const FITS = {
    answers: (value) => value === true || value === LATE,
    misses: (value) => Number.isSafeInteger(value) && value > 0,
    predictions: (value) => typeof value === "boolean",
    cards: (value) => isObject(value) && !Number.isNaN(Date.parse(value.due)),
    exercise: (value, key) => EXERCISE.includes(key) && typeof value === "string" && /^[\w+/=]{8,64}:[\w+/=]+$/.test(value),
  };
  function fitting(part, values) {
    const fits = ([key, value]) => key.length <= 120 && FITS[part](value, key);
    return Object.fromEntries(Object.entries(values).filter(fits).slice(0, MOST));
  }
  function sound(value) {
    if (!isObject(value) || value.version !== 1) return null;
    const kept = EMPTY();
    for (const part of ["answers", "misses", "predictions", "cards"]) {
      if (!isObject(value[part])) return null;
      kept[part] = fitting(part, value[part]);
    }
    if (typeof value.last === "string") kept.last = value.last.slice(0, 120);
    return kept;
  }
  function load() {
    try { return sound(JSON.parse(localStorage.getItem(KEY))) || EMPTY(); } catch { return EMPTY(); }
  }
  function save(change) {
    const progress = load();
    change(progress);
    localStorage.setItem(KEY, JSON.stringify(progress));
    paint();
  }
  function say(selector, text) { document.querySelectorAll(selector).forEach((place) => { place.textContent = text; }); }

  // Progress, the exercise of “Predict, then test” and the recipe of the briefing as one file holds them; the texts of the
  // last two stay as they are kept.
  function everything() {
    return { ...load(), exercise: fitting("exercise", Object.fromEntries(EXERCISE.map((key) => [key, localStorage.getItem(key)]))) };
  }
  function put(all) { // a file without an exercise leaves the one that is here
    const { exercise, ...progress } = all;
    localStorage.setItem(KEY, JSON.stringify(progress));
    if (exercise) tabs.postMessage(KEEP_THEMSELVES);
    if (exercise) EXERCISE.forEach((key) => { if (exercise[key]) localStorage.setItem(key, exercise[key]); else localStorage.removeItem(key); });
    paint();
  }
  function fromFile(text) {
    const value = JSON.parse(text), kept = sound(value);
    if (!kept || (value.exercise !== undefined && !isObject(value.exercise))) throw new Error("not a progress file");
    return value.exercise ? { ...kept, exercise: fitting("exercise", value.exercise) } : kept;
  }
  function inWords(all) {
    const parts = [`${points(all)} XP`], count = (part, one) => { const n = Object.keys(all[part]).length; if (n) parts.push(`${n} ${one}${n === 1 ? "" : "s"}`); };
    count("predictions", "prediction");
    count("cards", "flashcard");
    const held = Object.keys(all.exercise || {});
    if (held.some((key) => key !== RECIPE)) parts.push("an exercise of “Predict, then test”");
    if (held.includes(RECIPE)) parts.push("a recipe");
    return parts.join(", ");
  }
  // Of what two tabs keep in one place, what is written last counts, and the other tab says so.
  const tabs = new BroadcastChannel("playground");
  tabs.onmessage = ({ data }) => { if (data.some((screen) => document.getElementById(screen))) tellElsewhere(); };
  function tellElsewhere() {
    if (document.querySelector(".elsewhere")) return;
    document.body.insertAdjacentHTML("beforeend", `<div class="unkept elsewhere" role="status"><p>What this page keeps was changed in another tab of this browser. Load the page again to see it here; else what you write here replaces it.</p><button type="button" class="button" data-action="elsewhere-load">Load again</button> <button type="button" class="button" data-action="elsewhere-known">Close</button></div>`);
  }
  let before = null; // what the last restoring or starting over replaced
  function replaced(words, old) {
    before = old;
    say(".keep-status", words);
    document.querySelectorAll("[data-action=progress-undo]").forEach((button) => { button.hidden = !old; });
  }

  const questions = () => window.playgroundQuestions || {};
  function answered(progress, lesson) { return (questions()[lesson] || []).filter((name) => progress.answers[name]).length; }
  const counted = (kept) => (kept === true ? FULL : kept || 0);
  function lessonXp(progress, lesson) {
    const names = questions()[lesson] || [], sum = names.reduce((all, name) => all + counted(progress.answers[name]), 0);
    const perLesson = Number(document.querySelector(".xp")?.dataset.perLesson || 0);
    return names.length ? Math.round((perLesson * sum) / (FULL * names.length)) : 0;
  }
  function points(progress) {
    return Object.keys(questions()).reduce((sum, lesson) => sum + lessonXp(progress, lesson), 0);
  }

  function set(place, text) { if (place.textContent !== text) place.textContent = text; }

  function paint() {
    const progress = load();
    const totals = Object.fromEntries(Object.entries(questions()).map(([lesson, names]) => [lesson, names.length]));
    const xp = document.querySelector(".xp");
    if (xp) {
      const done = Object.keys(totals).filter((lesson) => totals[lesson] && answered(progress, lesson) === totals[lesson]).length;
      set(xp, `${points(progress)} XP · ${done} of ${xp.dataset.total}`);
    }
    document.querySelectorAll("[data-progress]").forEach((place) => {
      const lesson = place.dataset.progress, total = totals[lesson] || 0, right = answered(progress, lesson);
      set(place, !right ? "not started" : right === total ? `✓ done, ${lessonXp(progress, place.dataset.progress)} XP` : `${right} of ${total} questions right`);
    });
    document.querySelectorAll(".quiz").forEach((quiz) => {
      const right = answered(progress, quiz.dataset.lesson), total = Number(quiz.dataset.total);
      set(quiz.querySelector(".quiz-score"), right === total ? `All ${total} right: ${lessonXp(progress, quiz.dataset.lesson)} XP.` : right ? `${right} of ${total} right so far.` : "");
      quiz.querySelectorAll(".question").forEach((question) => {
        if (progress.answers[question.dataset.question]) question.classList.add("solved");
      });
    });
    const resume = document.querySelector(".home .resume"), titles = window.playgroundTitles || {};
    if (resume) {
      const link = resume.querySelector("a");
      if (!titles[progress.last]) link?.remove();
      else {
        const made = link || document.createElement("a");
        if (made.getAttribute("href") !== progress.last) made.setAttribute("href", progress.last);
        set(made, "Go on where you stopped: " + titles[progress.last]);
        if (!link) { made.className = "button"; resume.append(made); }
      }
    }
  }

  // ---- where the reader is -------------------------------------------------------------------------------
  function arrive() {
    const lesson = ours(), heading = document.querySelector(".lesson h1, .teachers h1")?.textContent.trim();
    if (heading) document.title = `${heading} · Typewriter & Sculptor`; // tabs, history and bookmarks tell pages apart
    if (lesson && load().last !== lesson) save((progress) => { progress.last = lesson; });
    const asked = new URLSearchParams(location.search).get("lesson"), unknown = document.querySelector(".unknown-lesson");
    if (asked && unknown) {
      unknown.textContent = `There is no lesson called “${asked.slice(0, 80)}”. All lessons are on the map below.`;
      unknown.hidden = false;
    }
    const seen = new Map();
    const watcher = new IntersectionObserver((entries) => {
      entries.forEach((entry) => seen.set(entry.target.id, entry.isIntersecting));
      const links = [...document.querySelectorAll(".whereabouts a")];
      const here = links.find((link) => seen.get(link.dataset.screen));
      links.forEach((link) => { if (link === here) link.setAttribute("aria-current", "step"); else link.removeAttribute("aria-current"); });
      const row = here?.closest("nav"), box = here?.getBoundingClientRect();
      if (row && (box.left < 0 || box.right > row.clientWidth)) row.scrollLeft += box.left - 40; // a phone's row shows where she is
    }, { rootMargin: "-15% 0px -60% 0px" });
    document.querySelectorAll(".screen").forEach((screen) => watcher.observe(screen));
    noteFirst();
    setTimeout(noteFirst, 1000); // those that began late
    waitToGiveBack();
    try {
      const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      for (let fold = place?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
      place?.scrollIntoView();
    } catch { /* no place of this page */ }
  }

  // ---- what was typed and guessed outlives a reload, in this tab -----------------------------------------
  const TYPED = "playground.typed.";
  const KEEP_THEMSELVES = ["predict-and-test-plan", "predict-and-test-calibration", "predict-and-test-reflect", "briefing-recipe"];
  const KEEP_RESULTS = [...KEEP_THEMSELVES, "predict-and-test-test"];
  const LINKED = { "#try=": "sampling-scoreboard", "#recipe=": "briefing-recipe" }; // what a link carries has the word there
  const linked = () => Object.keys(LINKED).find((start) => location.hash.startsWith(start));
  const ours = () => document.querySelector(".lesson")?.id.replace("lesson-", "");
  function typed() {
    try { return JSON.parse(sessionStorage.getItem(TYPED + ours())) || {}; } catch { return {}; }
  }
  function fieldName(field) { // of a slider's two inputs, the number; fields of a run's own views have no name
    if (!field.matches?.(FIELDS) || field.matches("[type=file], [type=range], .html-container *")) return null;
    if (KEEP_THEMSELVES.includes(field.closest(".screen").id)) return null;
    const box = field.closest("fieldset") || field.closest("label"), spoken = field.getAttribute("aria-label");
    const label = spoken || (box?.querySelector("[data-testid=block-info]") || box)?.textContent.trim();
    const one = field.type === "checkbox" && box?.matches("fieldset") ? `/${field.title || field.name}` : ""; // of a group
    return label && (!field.readOnly || field.matches(CHOICE)) ? `${field.closest(".screen").id}/${label}${one}` : null;
  }
  const FIELDS = ".screen textarea, .screen input";
  const CHOICE = "input[role=combobox]"; // of one among many, which opens a list
  const held = (field) => field.type === "checkbox" ? field.checked : field.value;
  function keep(values) {
    try { sessionStorage.setItem(TYPED + ours(), JSON.stringify({ ...typed(), ...values })); } catch { /* it lasts till the page is left */ }
  }
  function keepTyped({ target, isTrusted }) {
    const home = isTrusted && target.closest?.(".screen")?.id;
    if (KEEP_THEMSELVES.includes(home)) tabs.postMessage([home]);
    if (target === document.activeElement && target.matches?.(CHOICE)) return; // looked for, and not yet chosen
    const twin = target.type === "range" ? target.closest(".block")?.querySelector("input[type=number]") : target;
    const name = isTrusted && twin && fieldName(twin);
    if (!name) return;
    keep({ [name]: held(target) });
    const screen = twin.closest(".screen");
    if (LINKED[linked()] !== screen.id) return;
    keep(shownIn(screen)); // the page is no longer what the link carries
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  function shownIn(place) { // what every field in it holds, by name
    const now = {};
    place.querySelectorAll(FIELDS).forEach((field) => {
      const name = fieldName(field);
      if (name && (field.type !== "radio" || field.checked) && !(field.matches(CHOICE) && field === document.activeElement)) now[name] = held(field);
    });
    return now;
  }
  const first = {}; // what the fields held when the page was opened
  function noteFirst() { Object.entries(shownIn(document)).forEach(([name, value]) => { first[name] ??= value; }); }
  function keepLast() { // an example or a button may have filled a field since
    if (waiting) return;
    const kept = typed(), ofLink = `${LINKED[linked()]}/`, changed = (name, value) => name in first && value !== first[name] && !name.startsWith(ofLink);
    const now = Object.entries(shownIn(document)).filter(([name, value]) => name in kept || changed(name, value));
    if (now.length) keep(Object.fromEntries(now));
  }
  const OWN = "your picture"; // a picture that was sent from here is not there again
  document.addEventListener("click", ({ target, isTrusted }) => {
    const chosen = isTrusted && target.closest?.(".picker button[data-name]");
    if (chosen) keep({ [`${chosen.closest(".screen").id}/picture`]: chosen.dataset.name });
  });
  function waitToGiveBack() { // till gradio has ears for it; a link that carries settings has the word
    waiting = !given && Object.keys({ ...typed(), ...keptRuns() }).length > 0;
    if (!waiting) return;
    document.querySelector("#typed-due")?.click();
    setTimeout(waitToGiveBack, 300);
  }
  let given = 0, waiting = false, handled = false;
  function giveBack() { // again, since a component that begins may take its own value once more; till something is pressed
    if (handled) return;
    waiting = false;
    if (given++ < 5) setTimeout(giveBack, 400);
    document.querySelector("#runs-due")?.click();
    const kept = typed();
    document.querySelectorAll(".picker").forEach((picker) => {
      const name = kept[`${picker.closest(".screen").id}/picture`];
      [...picker.querySelectorAll("[aria-pressed=false]")].find((one) => one.dataset.name === name)?.click();
    });
    document.querySelectorAll(FIELDS).forEach((field) => {
      const value = kept[fieldName(field)];
      if (value === undefined || LINKED[linked()] === field.closest(".screen").id) return;
      if (field.matches(CHOICE)) choose(field, value);
      else if (field.type === "radio" || field.type === "checkbox") {
        if (!field.checked && (value === true || value === field.value) || field.checked && value === false) field.click();
      } else if (field.value !== value) {
        field.value = value;
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
    });
  }
  function choose(field, words) { // as by hand: gradio puts its list there when the field is entered
    if (field.value === words) return;
    const from = document.activeElement;
    field.dispatchEvent(new FocusEvent("focus"));
    requestAnimationFrame(() => {
      const offered = [...field.closest(".block").querySelectorAll("[role=option]")];
      offered.find((one) => one.getAttribute("aria-label") === words)?.dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
      field.dispatchEvent(new FocusEvent("blur"));
      from?.focus({ preventScroll: true });
    });
  }
  for (const kind of ["input", "change"]) document.addEventListener(kind, keepTyped, true);
  document.addEventListener("focusout", (event) => { if (event.target.matches?.(CHOICE)) setTimeout(() => keepTyped(event)); }, true);
  document.addEventListener("pointerdown", () => { handled ||= given > 0; }, true);
  addEventListener("pagehide", keepLast);

  // ---- what a run showed outlives a reload too -----------------------------------------------------------
  const RUNS = "runs.", ROOM = 3_000_000; // letters of all lessons together, which leaves room for what was typed
  const AS_IT_IS = { __type__: "update" };
  const asValue = (value) => value?.plot ? { type: value.type, plot: value.plot } : value; // a chart says that it is an update
  const seen = new Map(); // screen -> what the evidence of runs made on it said, when it was looked at last
  const saying = (screen) => [...screen.querySelectorAll(".evidence")].filter((one) => one.querySelector(".badge-live"))
    .map((one) => [...one.querySelectorAll(".settings, .alt")].map((part) => part.textContent).join()).join("|");
  const underWay = new Set(), started = new Set(); // screens where a run goes on; screens where a button was pressed since a run was kept
  const restless = (screen) => [...screen.querySelectorAll("button.go")].some((button) => button.textContent.trim() === "Start over");
  const givingBack = () => waiting || !handled && given > 0 && given <= 5;
  function keptRuns() {
    try { return JSON.parse(sessionStorage.getItem(RUNS + ours())) || {}; } catch { return {}; }
  }
  function noteRuns() {
    let changed = false;
    document.querySelectorAll(".screen").forEach((screen) => {
      const now = saying(screen);
      screen.classList.toggle("under-way", restless(screen)); // the verdict of the run before fades
      if (restless(screen)) { underWay.add(screen.id); return; }
      if (!underWay.delete(screen.id) && now === (seen.get(screen.id) || "")) return;
      seen.set(screen.id, now);
      changed = true;
    });
    clearTimeout(noteRuns.again);
    if (underWay.size) noteRuns.again = setTimeout(noteRuns, 300); // its end may be a word on a button, which nobody hears of
    if (!changed) return;
    clearTimeout(noteRuns.soon);
    noteRuns.soon = setTimeout(() => document.querySelector("#runs-due")?.click(), 500); // what comes with it is there then
  }
  function said(words, name) { // under the button of a screen
    const lost = typed()[`${name}/picture`] === OWN ? "Your own picture is not kept: choose it again." : "";
    return `<div class="notice" role="status">${words} ${lost}</div>`;
  }
  function runs(places, now) { // by screen the ids of its places, of which the first says how its run ended
    const kept = keptRuns(), before = JSON.stringify(kept), answer = now.map(() => AS_IT_IS);
    let at = 0;
    for (const [name, ids] of Object.entries(places)) {
      const first = at, values = now.slice(at + 1, at += ids.length).map(asValue), screen = document.getElementById(name), run = kept[name];
      if (KEEP_RESULTS.includes(name) || restless(screen)) continue;
      if (!givingBack()) {
        if (seen.get(name)) {
          const again = JSON.stringify(run?.values) === JSON.stringify(values);
          if (!again || started.has(name)) kept[name] = { at: Date.now(), values };
          started.delete(name);
        } else if (seen.has(name)) delete kept[name];
      } else if (run?.values.length === values.length && LINKED[linked()] !== name) {
        screen.classList.add("guessed");
        answer[first] = said(`Your run of ${new Date(run.at).toLocaleTimeString([], { timeStyle: "short" })}, from before this page was loaded again.`, name);
        run.values.forEach((value, place) => {
          if (JSON.stringify(value) === JSON.stringify(values[place])) return;
          if (value?.plot && !charts.came) awaited.set(ids[place + 1], value);
          else answer[first + 1 + place] = value;
        });
      } else if (typed()[`${name}/picture`] === OWN) answer[first] = said("", name);
    }
    if (JSON.stringify(kept) !== before) keepRuns(kept);
    return answer;
  }
  function keepRuns(kept) { // where there is no room, those of other lessons go first, and then the oldest
    const mine = RUNS + ours(), size = () => JSON.stringify(kept).length;
    try {
      const others = Object.keys(sessionStorage).filter((key) => key.startsWith(RUNS) && key !== mine);
      let rest = others.reduce((sum, key) => sum + sessionStorage.getItem(key).length, 0);
      while (rest && rest + size() > ROOM) { rest -= sessionStorage.getItem(others[0]).length; sessionStorage.removeItem(others.shift()); }
      while (size() > ROOM) delete kept[Object.keys(kept).sort((one, other) => kept[one].at - kept[other].at)[0]];
      sessionStorage.setItem(mine, JSON.stringify(kept));
    } catch { /* what a run showed lasts till the page is left */ }
  }

  function speak(words) { // to who listens, without a look: a place that was there before hears of the change
    say("#spoken", "");
    setTimeout(() => say("#spoken", words), 100);
  }

  // ---- views that a script brings to life -----------------------------------------------------------------
  // A view is on the page before its script is. A press of one of its buttons meanwhile is kept, and made once it is there.
  async function view(element, address, begin) {
    const early = [], keepPress = ({ target }) => {
      const button = target.closest("button:not([data-action])");
      if (button) early.push(button);
    };
    const fetchIt = (again = "") => import(new URL(address + again, document.baseURI));
    element.addEventListener("click", keepPress);
    let script;
    try {
      script = await fetchIt().catch(() => new Promise((rested) => setTimeout(rested, 3000)).then(() => fetchIt("?again")));
    } catch {
      element.insertAdjacentHTML("afterbegin", '<p class="notice notice-error" role="alert">A part of this page did not come. Load the page again.</p>');
      return;
    }
    begin(script.default);
    element.removeEventListener("click", keepPress);
    early.forEach((button) => button.click());
  }

  // ---- quiz ----------------------------------------------------------------------------------------------
  function answer(button) {
    const question = button.closest(".question"), name = question.dataset.question;
    const right = button.dataset.right === "true";
    question.querySelectorAll(".feedback").forEach((feedback) => { feedback.hidden = true; });
    question.querySelectorAll("[data-action=answer]").forEach((other) => { other.setAttribute("aria-pressed", String(other === button)); });
    const feedback = button.parentElement.querySelector(".feedback");
    feedback.hidden = false;
    speak(feedback.textContent);
    save((progress) => {
      if (right) progress.answers[name] ||= Object.keys(progress.misses).some((miss) => miss.startsWith(name + "/")) ? LATE : true;
      else {
        const miss = `${name}/${button.dataset.choice}`;
        progress.misses[miss] = (progress.misses[miss] || 0) + 1;
      }
    });
  }

  // ---- flashcards ----------------------------------------------------------------------------------------
  function deck(element, server) {
    const place = element.querySelector(".deck");
    if (!place) return;
    const cards = JSON.parse(place.dataset.cards);
    const known = (name) => load().cards[name];
    const due = (card) => (known(card.key) ? Date.parse(known(card.key).due) : 0);
    let flipped = false;

    function show() {
      const ordered = [...cards].sort((a, b) => due(a) - due(b));
      const card = ordered[0], waiting = cards.filter((one) => due(one) <= Date.now()).length;
      place.replaceChildren();
      const title = document.createElement("h2");
      title.textContent = "Flashcards";
      const count = document.createElement("p");
      count.className = "deck-count";
      count.textContent = waiting ? `${waiting} to look at now` : `All reviewed. The next one is due ${new Date(due(card)).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}.`;
      const face = document.createElement("button");
      face.type = "button";
      face.className = "flashcard" + (flipped ? " flipped" : "");
      face.setAttribute("aria-live", "polite");
      face.innerHTML = flipped ? card.back : card.front; // the lesson's own words, rendered on the server
      face.addEventListener("click", () => { flipped = !flipped; show(); place.querySelector(".flashcard").focus(); });
      place.append(title, count, face);
      if (!flipped) return;
      const row = document.createElement("div");
      row.className = "ratings";
      ["Again", "Hard", "Good", "Easy"].forEach((label, index) => {
        const rate = document.createElement("button");
        rate.type = "button";
        rate.className = "button";
        rate.textContent = label;
        rate.addEventListener("click", async () => {
          row.querySelectorAll("button").forEach((one) => { one.disabled = true; });
          try {
            const state = await server.review({ state: known(card.key) || null, rating: index + 1 });
            save((progress) => { progress.cards[card.key] = state; });
            flipped = false;
          } catch {
            count.textContent = "The server did not answer; try again in a moment.";
            speak(count.textContent);
            row.querySelectorAll("button").forEach((one) => { one.disabled = false; });
            rate.focus();
            return;
          }
          show();
          place.querySelector(".flashcard").focus();
        });
        row.append(rate);
      });
      place.append(row);
    }
    show();
  }

  let captioned = null; // the caption that a word it knows goes into

  // ---- files ---------------------------------------------------------------------------------------------
  function offer(text, name, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
  const decode = (payload) => new TextDecoder().decode(Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0)));

  // ---- pictures on their way to the server ---------------------------------------------------------------
  // A photo is sent no finer than any lesson looks at it, and what refuses it is told where it was chosen.
  const SIDE = 1024, SMALL = 500_000; // pixels; bytes that are sent as they are
  const SMALLER = "save it as a JPEG with at most 512 pixels a side, which is all that is looked at here";
  let choosing = null; // the screen whose picture is on its way
  document.addEventListener("change", ({ target }) => {
    if (target.type !== "file") return;
    choosing = target.closest(".screen");
    if (choosing?.querySelector(".picker")) keep({ [`${choosing.id}/picture`]: OWN });
  }, true);

  async function lighter(file) {
    if (file.size <= SMALL) return file;
    let picture;
    try { picture = await createImageBitmap(file); } catch { return file; } // the server says what is wrong with it
    const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
    let clear = false;
    for (let at = 3; at < pixels.length && !clear; at += 4) clear = pixels[at] < 255;
    const made = await new Promise((done) => { canvas.toBlob(done, clear ? "image/png" : "image/jpeg", 0.92); });
    if (!made || made.size >= file.size) return file;
    return new File([made], file.name.replace(/\.\w+$/, "") + (clear ? ".png" : ".jpg"), { type: made.type });
  }
  function tellUpload(screen, words) {
    screen.querySelector(".upload-refused")?.remove();
    if (!words) return;
    const note = document.createElement("p");
    note.className = "notice notice-error upload-refused";
    note.setAttribute("role", "alert");
    note.textContent = words;
    screen.querySelector(".status").append(note);
    note.scrollIntoView({ block: "nearest" });
  }
  function whyRefused(status, bytes) {
    const size = `${(bytes / 1e6).toFixed(1)} MB`;
    if (status === 413) return `This picture (${size}) is larger than the server, or a proxy before it, takes. Choose a smaller one: ${SMALLER}.`;
    if (!status) return "The picture did not reach the server. Look whether you are connected, and choose it again.";
    return `The server did not take the picture (${size}; it answered with error ${status}). Choose it again in a moment; if that does not help, ${SMALLER}.`;
  }
  const fetched = window.fetch;
  async function sendPicture(address, options, screen) {
    const body = new FormData();
    for (const [name, value] of options.body) body.append(name, value instanceof File ? await lighter(value) : value);
    const bytes = [...body.values()].reduce((sum, value) => sum + (value.size || 0), 0);
    let answer = null;
    try { answer = await fetched(address, { ...options, body }); } catch { /* told below, like any refusal */ }
    tellUpload(screen, answer?.ok ? "" : whyRefused(answer?.status, bytes));
    return answer?.ok ? answer : new Promise(() => {}); // gradio would show a refusal raw
  }
  window.fetch = (address, options) => {
    const picture = choosing && /\/gradio_api\/upload(\?|$)/.test(String(address));
    return picture ? sendPicture(address, options, choosing) : fetched(address, options);
  };

  const actions = {
    answer: (element) => answer(element),
    download: (element) => offer(JSON.stringify(JSON.parse(decode(element.dataset.payload)), null, 2), element.dataset.name + ".json", "application/json"),
    copy: async (element) => {
      const text = element.parentElement.querySelector("code").textContent;
      try { await navigator.clipboard.writeText(text); element.textContent = "Copied"; } catch { element.textContent = "Select the text and copy it"; }
      setTimeout(() => { element.textContent = "Copy"; }, 2000);
    },
    theme: () => {
      const dark = document.body.classList.toggle("dark");
      try { localStorage.setItem("playground.theme", dark ? "dark" : "light"); } catch { /* the choice lasts for this page */ }
    },
    known: (element) => {
      const panel = document.getElementById("known-words"), box = element.closest(".caption").getBoundingClientRect();
      const below = innerHeight - box.bottom, above = below < 240 && box.top > below;
      captioned = element.closest(".caption").querySelector("textarea, input");
      panel.style.left = `${Math.max(8, Math.min(box.left, innerWidth - 568))}px`;
      panel.style.top = above ? "auto" : `${box.bottom + 4}px`;
      panel.style.bottom = above ? `${innerHeight - box.top + 4}px` : "auto";
      panel.style.maxHeight = `${(above ? box.top : below) - 12}px`;
    },
    "known-word": (element) => {
      const grounds = JSON.parse(element.closest("#known-words").dataset.grounds), text = captioned.value.trim();
      const ground = grounds.find((one) => text.endsWith(one)) || "", thing = text.slice(0, text.length - ground.length);
      const parts = element.dataset.kind === "thing" ? [element.dataset.words, ground] : [thing, element.dataset.words];
      captioned.value = parts.map((part) => part.trim()).filter(Boolean).join(" ");
      captioned.dispatchEvent(new Event("input", { bubbles: true }));
    },
    "elsewhere-load": () => location.reload(),
    "elsewhere-known": (element) => element.closest(".elsewhere").remove(),
    "unkept-known": (element) => { tellUnkept.known = true; element.closest(".unkept").remove(); },
    "progress-save": () => offer(JSON.stringify(everything(), null, 2), "playground-progress.json", "application/json"),
    "progress-clear": () => {
      if (!confirm("Forget all progress kept in this browser, with your plan and results of “Predict, then test” and your recipe?")) return;
      const old = everything();
      [KEY, ...EXERCISE].forEach((key) => localStorage.removeItem(key));
      tabs.postMessage(KEEP_THEMSELVES);
      try { Object.keys(sessionStorage).filter((key) => key.startsWith(TYPED) || key.startsWith(RUNS)).forEach((key) => sessionStorage.removeItem(key)); } catch { /* none was kept */ }
      document.querySelectorAll(".question.solved").forEach((question) => question.classList.remove("solved"));
      paint();
      replaced("Progress cleared.", old);
    },
    "progress-undo": () => {
      put(before);
      replaced("Your progress is as it was before.", null);
      document.querySelector("[data-action=progress-save]").focus();
    },
  };

  // ---- drawers -------------------------------------------------------------------------------------------
  // A view is drawn anew with every step of a run; the drawers its learner opened stay open.
  const openDrawers = new Set();
  function drawerName(drawer) {
    const view = drawer.closest("[id]"), title = (one) => one.querySelector("summary").textContent;
    const namesakes = [...view.querySelectorAll(".drawer")].filter((one) => title(one) === title(drawer));
    return `${view.id}/${title(drawer)}/${namesakes.indexOf(drawer)}`;
  }
  function noteDrawer(drawer) { // before the click has turned it
    const name = drawerName(drawer);
    if (drawer.open) openDrawers.delete(name); else openDrawers.add(name);
  }
  function reopenDrawers() {
    if (!openDrawers.size) return;
    document.querySelectorAll(".drawer:not([open])").forEach((drawer) => { drawer.open = openDrawers.has(drawerName(drawer)); });
  }

  async function fillDrawer(drawer) { // what was recorded in it comes when it is opened
    const from = drawer.dataset.from;
    delete drawer.dataset.from;
    drawer.querySelector(".late")?.remove();
    try {
      const answer = await fetch(from);
      if (!answer.ok) throw new Error(answer.status);
      drawer.insertAdjacentHTML("beforeend", await answer.text());
    } catch {
      drawer.dataset.from = from;
      drawer.insertAdjacentHTML("beforeend", '<p class="late" role="status">The server did not answer. Close this and open it again in a moment.</p>');
    }
  }

  document.addEventListener("toggle", ({ target }) => { if (target.open && target.dataset.from) fillDrawer(target); }, true);
  document.addEventListener("click", (event) => {
    const summary = event.target.closest(".drawer > summary");
    if (summary) noteDrawer(summary.parentElement);
    const button = event.target.closest("button.go");
    const screen = button?.closest(".screen");
    screen?.classList.add("guessed");
    if (screen) { veil(); started.add(screen.id); }
    const home = event.target.closest("button")?.closest(".screen")?.id;
    if (KEEP_THEMSELVES.includes(home) || button && KEEP_RESULTS.includes(home)) tabs.postMessage([home]);
    if (button) { // “Start over” is shorter, and what stands beside and below it stays
      const box = button.getBoundingClientRect();
      Object.assign(button.style, { minWidth: `${box.width}px`, minHeight: `${box.height}px` });
    }
    if (screen) tellUpload(screen, "");
    screen?.querySelectorAll(".block.reel").forEach((view) => { view.style.minHeight = `${view.offsetHeight}px`; }); // what is drawn anew does not collapse first
    const element = event.target.closest("[data-action]");
    if (element && actions[element.dataset.action]) actions[element.dataset.action](element, event);
  });
  addEventListener("resize", () => document.querySelectorAll("button.go").forEach(({ style }) => { style.minWidth = style.minHeight = ""; }));
  // Gradio's text boxes tell of input at a key press only: not of what is pasted, deleted, dictated or typed on glass.
  let pressed = false;
  document.addEventListener("keypress", (event) => {
    if (!event.isTrusted) return;
    pressed = true;
    setTimeout(() => { pressed = false; });
  }, true);
  document.addEventListener("input", ({ target }) => {
    if (!pressed && target.matches("textarea, input[type=text]")) target.dispatchEvent(new KeyboardEvent("keypress"));
  });
  document.addEventListener("change", async (event) => {
    if (event.target.dataset?.action !== "progress-restore" || !event.target.files.length) return;
    try {
      const file = event.target.files[0], old = everything();
      if (file.size > LARGEST) throw new Error("too large");
      const kept = fromFile(await file.text()), lost = inWords(old);
      if (lost === "0 XP" || confirm(`Replace what this browser holds (${lost}) with what the file holds (${inWords(kept)})?`)) {
        put(kept);
        replaced(`Restored: ${inWords(kept)}.`, old);
      }
    } catch { say(".keep-status", "That file is not a saved progress of this playground. Choose the playground-progress.json you saved."); }
    event.target.value = "";
  });
  // What was recorded is veiled until there is a guess or a run; one group of choices is one stop of the tab key.
  document.addEventListener("change", ({ target }) => {
    if (!target.matches(".predict input[type=radio]")) return;
    target.closest(".screen").classList.add("guessed");
    veil();
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey || !event.target.matches?.("input[type=radio]")) return;
    const group = [...event.target.closest("fieldset, .block").querySelectorAll("input[type=radio]:enabled")];
    const next = group[(group.indexOf(event.target) + step + group.length) % group.length];
    event.preventDefault();
    next.focus();
    next.click();
  });
  function tabStops() {
    document.querySelectorAll("fieldset, .block").forEach((box) => {
      const group = [...box.querySelectorAll("input[type=radio]")];
      const stop = group.find((one) => one.checked) || group[0];
      group.forEach((one) => { const wanted = one === stop ? 0 : -1; if (one.tabIndex !== wanted) one.tabIndex = wanted; });
    });
  }

  const BLURRED = ".screen:not(.guessed) .veiled:not(.veiled .veiled):not(:has(div.empty, .prose:empty, .own))"; // as in the style
  function veil() { // what is blurred is not to be read by ear or reached by key either
    document.querySelectorAll(".veiled").forEach((view) => {
      const hidden = view.matches(BLURRED);
      for (const part of view.children) if (part.inert !== hidden) part.inert = hidden;
    });
  }

  // A verdict that appears on the page is noted once, as a prediction that held or did not.
  function notePredictions() {
    document.querySelectorAll("[data-prediction]:not([data-noted])").forEach((verdict) => {
      verdict.dataset.noted = "yes";
      if (verdict.dataset.hit === "none") return;
      save((progress) => { progress.predictions[verdict.dataset.prediction] = verdict.dataset.hit === "yes"; });
    });
  }

  function dress() {
    try {
      const choice = localStorage.getItem("playground.theme");
      if (choice) document.body.classList.toggle("dark", choice === "dark");
    } catch { /* follow the system */ }
  }

  function start() {
    dress();
    document.body.insertAdjacentHTML("beforeend", '<p id="spoken" class="sr-only" role="status"></p>');
    addEventListener("storage", paint);
    addEventListener("pageshow", ({ persisted }) => { if (persisted) paint(); });
    new MutationObserver(dress).observe(document.body, { attributes: true, attributeFilter: ["class"] }); // gradio follows the system
    let queued = false, opened = false;
    new MutationObserver(() => {
      if (queued) return;
      queued = true;
      requestAnimationFrame(() => {
        queued = false;
        if (awaited.size) document.querySelectorAll(".chart").forEach((chart) => near.observe(chart));
        if (!opened && document.querySelector(".home, .lesson .screen")) { opened = true; arrive(); }
        tabStops();
        reopenDrawers();
        veil();
        notePredictions();
        noteRuns();
        paint();
      });
    }).observe(document.body, { childList: true, subtree: true });
  }
  if (document.body) start(); else document.addEventListener("DOMContentLoaded", start);

  return { charts, deck, giveBack, runs, view };
})();
