/* A click on a picture: the learner says the opposite of the judge, or right and then wrong where it cannot tell, and then
   nothing again; what the judge said stays beside it. */
element.addEventListener("click", (event) => {
  const button = event.target.closest("button.overrule");
  if (!button) return;
  const group = button.closest(".overrulable"), all = [...group.querySelectorAll("button.overrule")];
  const order = { right: ["", "wrong"], wrong: ["", "right"] }[button.dataset.judge] || ["", "right", "wrong"];
  button.dataset.eye = order[(order.indexOf(button.dataset.eye || "") + 1) % order.length];
  const said = all.filter((one) => one.dataset.eye), right = all.filter((one) => (one.dataset.eye || one.dataset.judge) === "right");
  group.querySelector(".exercise-eye").textContent = said.length
    ? group.dataset.words.replace("{right}", right.length).replace("{of}", all.length).replace("{times}", said.length)
    : "";
  trigger("select", { picture: all.indexOf(button), eye: button.dataset.eye });
});
