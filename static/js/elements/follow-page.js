import { fetchPage, swapFragments } from "../lib/page.js";

const EVERY_MS = 700;
const HIDDEN_EVERY_MS = 5000;
const RETRY_MAX_MS = 10_000;

/**
 * Fetches its page again for as long as something on it is marked `data-under-way`, and puts in what has changed: the
 * children of each `[data-swap][id]`. Milestones are said once each.
 *
 * @example <follow-page data-milestone="It reasons."><p role="status"></p></follow-page>
 */
class FollowPage extends HTMLElement {
  #timer = 0;
  #failures = 0;

  connectedCallback() {
    if (isUnderWay()) this.#later(EVERY_MS);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  #later(ms) {
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  async #look() {
    try {
      const { page, isOk } = await fetchPage(location.href);
      if (!isOk) throw new TypeError("refused");
      this.#take(page);
    } catch {
      this.#failures += 1;
      this.#say("The arena does not answer. Trying again …");
      if (this.isConnected) this.#later(Math.min(RETRY_MAX_MS, EVERY_MS * 2 ** this.#failures));
    }
  }

  #take(page) {
    const fresh = page.querySelector("follow-page");
    if (!fresh) {
      location.reload(); // signed out meanwhile
      return;
    }
    this.#failures = 0;
    swapFragments(page);
    this.#say(fresh.dataset.milestone);
    if (isUnderWay()) this.#later(document.hidden ? HIDDEN_EVERY_MS : EVERY_MS);
    else this.dispatchEvent(new CustomEvent("page-settled", { bubbles: true }));
  }

  #say(words) {
    const status = this.querySelector('[role="status"]');
    if (status.textContent !== words) status.textContent = words;
  }
}

function isUnderWay() {
  return document.querySelector("[data-under-way]") !== null;
}

customElements.define("follow-page", FollowPage);
