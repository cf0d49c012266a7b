import { dropDraft, keepDraft, restoreDraft } from "../lib/draft.js";

/**
 * Keeps what is typed into a form while the battle fetches that part of the page anew.
 *
 * @example <kept-draft><form …><textarea name="prompt"></textarea></form></kept-draft>
 */
class KeptDraft extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("form");
    restoreDraft(form);
    form.addEventListener("input", () => keepDraft(form));
    form.addEventListener("focusin", () => keepDraft(form));
    form.addEventListener("submit", () => dropDraft(form));
  }
}

customElements.define("kept-draft", KeptDraft);
