/** The form of a new battle: a chosen problem fills the box, Ctrl or Cmd with Enter starts. */

const form = document.querySelector("#new-battle");

if (form) {
  const prompt = form.elements.namedItem("prompt");
  const ownQuestion = form.querySelector('input[name="problem"][value=""]');
  let own = ownQuestion?.checked ? prompt.value : "";

  form.addEventListener("change", ({ target }) => {
    if (target.name !== "problem") return;
    prompt.value = target.dataset.statement ?? own;
    if (target === ownQuestion) prompt.focus();
  });

  // Whoever edits a problem's statement asks a question of their own.
  prompt.addEventListener("input", () => {
    own = prompt.value;
    if (ownQuestion) ownQuestion.checked = true;
  });

  // Among many contestants; those that are ticked stay in view.
  const finder = form.querySelector("#find-contestant");
  finder?.addEventListener("input", () => {
    const words = finder.value.toLowerCase().split(/\s+/);
    for (const item of form.querySelectorAll(".picker__item")) {
      const name = item.textContent.toLowerCase();
      item.hidden = !item.querySelector("input").checked && !words.every((word) => name.includes(word));
    }
    form.querySelector(".picker").scrollTop = 0;
  });
  finder?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) event.preventDefault();
  });

  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  // A second press while the first is on its way would start a second battle.
  form.addEventListener("submit", () => form.querySelector('[type="submit"]').setAttribute("disabled", ""));
  addEventListener("pageshow", () => form.querySelector('[type="submit"]').removeAttribute("disabled"));
}
