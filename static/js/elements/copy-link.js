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
    // Browsers lend the clipboard to secure pages only; an arena on a plain http address in the office is none.
    const copied = await navigator.clipboard?.writeText(url).then(
      () => true,
      () => false,
    );
    this.#say(copied ? "Copied." : url, { passing: copied });
  }

  #say(words, { passing }) {
    const status = this.querySelector('[role="status"]');
    status.textContent = words;
    clearTimeout(this.#timer);
    if (passing) this.#timer = setTimeout(() => status.replaceChildren(), SAID_FOR_MS);
  }
}

customElements.define("copy-link", CopyLink);
