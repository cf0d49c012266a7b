/**
 * What has been filled into a form, kept while its part of the page is fetched anew, by the address it goes to.
 * Only for the life of the page: a draft is nobody else's business.
 *
 * @type {Map<string, { entries: [string, string][], focused: string | null, open: number[] }>}
 */
const drafts = new Map();

const textual = (control) => control.type !== "radio" && control.type !== "checkbox";
const fillable = (control) => control.name && !["hidden", "submit", "button", "file"].includes(control.type);
const selector = (control) =>
  `[name="${CSS.escape(control.name)}"]` + (textual(control) ? "" : `[value="${CSS.escape(control.value)}"]`);

/** Remember what `form` holds. Call it on every change. @param {HTMLFormElement} form */
export function keepDraft(form) {
  const entries = [...form.elements]
    .filter(fillable)
    .filter((control) => textual(control) || control.checked)
    .map((control) => [selector(control), control.value]);
  drafts.set(form.action, { entries, focused: focusedIn(form), open: openDetails(form) });
}

/** Put what was remembered back into a `form` that was fetched anew. @param {HTMLFormElement} form */
export function restoreDraft(form) {
  const draft = drafts.get(form.action);
  if (!draft) return;
  for (const control of form.elements) if (fillable(control) && control.type === "checkbox") control.checked = false;
  for (const [where, value] of draft.entries) {
    const control = form.querySelector(where);
    if (!control) continue;
    if (textual(control)) control.value = value;
    else control.checked = true;
  }
  const details = [...form.querySelectorAll("details")];
  for (const index of draft.open) if (details[index]) details[index].open = true;
  if (draft.focused && document.activeElement === document.body) {
    form.querySelector(draft.focused)?.focus({ preventScroll: true });
  }
}

/** @param {HTMLFormElement} form */
export function dropDraft(form) {
  drafts.delete(form.action);
}

function focusedIn(form) {
  const focused = document.activeElement;
  return form.contains(focused) && focused.name ? selector(focused) : null;
}

function openDetails(form) {
  return [...form.querySelectorAll("details")].flatMap((details, index) => (details.open ? [index] : []));
}
