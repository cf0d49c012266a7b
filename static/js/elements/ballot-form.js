import { areKeysOn, switchKeys } from "../lib/key-switch.js";
import { NOT_REACHED, parsePage, refusalOf, showRefusal } from "../lib/page.js";

const JUDGEMENTS = { c: "correct", f: "flawed", u: "unsure" };
const TAKES_TEXT =
  "input:not([type=radio], [type=checkbox], [type=submit], [type=button]), textarea, select, [contenteditable]";
const TAKES_ENTER = "a, button, summary, input";
const TOO_MANY = 429;
const NOT_SAVED = "The arena could not save your ballot just now. It is still here: cast it again in a moment.";

/**
 * A ballot that can be filled in from the keyboard, and that stays filled in while the server cannot take it. The form
 * inside works alone.
 *
 * @example <ballot-form><form>…<fieldset class="ballot__row" data-slot="A">…</fieldset>…</form></ballot-form>
 */
class BallotForm extends HTMLElement {
  #form;
  #expectsBest = false;
  #isPlain = false;

  connectedCallback() {
    this.#form = this.querySelector("form");
    this.#form.addEventListener("focusin", this);
    this.#form.addEventListener("submit", this);
    const keySwitch = this.querySelector("[data-keys-switch]");
    keySwitch.checked = areKeysOn();
    keySwitch.addEventListener("change", () => {
      switchKeys(keySwitch.checked);
      this.#showHint();
    });
    this.#showHint();
    document.addEventListener("keydown", this);
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this);
  }

  handleEvent(event) {
    if (event.type === "keydown") this.#press(event);
    else if (event.type === "submit") this.#submitted(event);
    else this.#markActive(event.target.closest(".ballot__row"));
  }

  #showHint() {
    this.querySelector("[data-keys-hint]").hidden = !areKeysOn();
  }

  #press(event) {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!areKeysOn() || event.target.closest?.(TAKES_TEXT)) return;
    if (this.#act(event.key.toLowerCase(), event)) event.preventDefault();
  }

  /** @returns {boolean} whether the key meant something */
  #act(key, event) {
    const expectsBest = this.#expectsBest;
    this.#expectsBest = key === "b";
    if (key === "b") return true;
    if (key === "t") return this.#pick("tie");
    if (key === "?") return this.#toggleHelp();
    if (key === "enter") return this.#cast(event);
    if (key in JUDGEMENTS) return this.#judge(JUDGEMENTS[key]);
    const row = /^[1-6]$/.test(key) ? this.#rows()[Number(key) - 1] : undefined;
    if (!row) return false;
    return expectsBest ? this.#pick(row.dataset.slot) : this.#goTo(row);
  }

  #rows() {
    return [...this.querySelectorAll(".ballot__row")];
  }

  /** Judges the row at hand, and takes the next one without a verdict in hand. */
  #judge(judgement) {
    const rows = this.#rows();
    const row = rows.find((one) => one.hasAttribute("data-active")) ?? firstOpen(rows) ?? rows[0];
    row.querySelector(`[value="${judgement}"]`).checked = true;
    return this.#goTo(firstOpen([...rows.slice(rows.indexOf(row)), ...rows]) ?? row);
  }

  #goTo(row) {
    const choice = row.querySelector("[type=radio]:checked") ?? row.querySelector("[type=radio]");
    choice.focus();
    this.#markActive(row);
    return true;
  }

  #markActive(active) {
    for (const row of this.#rows()) row.toggleAttribute("data-active", row === active);
  }

  #pick(best) {
    const choice = this.querySelector(`[name="best"][value="${best}"]`);
    choice.checked = true;
    choice.focus();
    return true;
  }

  /** On a link, a button or a field Enter keeps its own meaning; a radio button of the ballot casts by itself. */
  #cast(event) {
    if (event.repeat || event.target.closest?.(TAKES_ENTER)) return false;
    this.#form.requestSubmit();
    return true;
  }

  #submitted(event) {
    if (this.#isPlain) return;
    event.preventDefault();
    if (this.#form.getAttribute("aria-busy") !== "true") this.#send(event.submitter);
  }

  /** A page that says "try again" must not take the place of the ballot; any other answer is for the browser. */
  async #send(submitter) {
    this.#form.setAttribute("aria-busy", "true");
    showRefusal(this.#form, "");
    try {
      const answer = await fetch(this.#form.action, { method: "POST", body: new FormData(this.#form, submitter) });
      if (answer.redirected) return goTo(new URL(answer.url));
      if (answer.status < 500 && answer.status !== TOO_MANY) return this.#sendPlainly(submitter);
      const refusal = answer.status === TOO_MANY ? refusalOf(parsePage(await answer.text())) : NOT_SAVED;
      showRefusal(this.#form, refusal);
    } catch {
      showRefusal(this.#form, `${NOT_REACHED} Your ballot is still here.`);
    }
    this.#form.removeAttribute("aria-busy");
  }

  /** What was refused changed nothing: sent again, it is refused again, on a page that shows where. */
  #sendPlainly(submitter) {
    this.#isPlain = true;
    this.#form.requestSubmit(submitter);
  }

  #toggleHelp() {
    const help = this.querySelector("[data-keys]");
    help.open = !help.open;
    if (help.open) help.querySelector("summary").focus();
    return true;
  }
}

/** The page that follows a ballot, mostly the one that is open. */
function goTo(url) {
  if (url.pathname !== window.location.pathname) return window.location.assign(url);
  window.location.hash = "ballot";
  window.location.reload();
}

function firstOpen(rows) {
  return rows.find((row) => !row.querySelector('[name^="verdict-"]:checked'));
}

customElements.define("ballot-form", BallotForm);
