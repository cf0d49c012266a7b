import { copyText } from "../lib/clipboard.js";

const SAID_FOR_MS = 4000;

/**
 * Copies an address, and says so.
 *
 * @example <copy-link><button type="button" data-url="https://…">Copy the link</button><span role="status"></span></copy-link>
 */
class CopyLink extends HTMLElement {
  #timer;

  connectedCallback() {
    this.querySelector("button").addEventListener("click", this);
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
  }

  async handleEvent({ currentTarget }) {
    const { url } = currentTarget.dataset;
    const isCopied = await copyText(url);
    this.#say(isCopied ? "Copied." : url, { passing: isCopied });
  }

  #say(words, { passing }) {
    const status = this.querySelector('[role="status"]');
    status.textContent = words;
    clearTimeout(this.#timer);
    if (passing) this.#timer = setTimeout(() => status.replaceChildren(), SAID_FOR_MS);
  }
}

customElements.define("copy-link", CopyLink);
