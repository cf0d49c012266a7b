// <turn-tabs>: on narrow screens, links to the panes of a turn, with each one's state.

import { shortStateOf } from "../battle/words.js";

/**
 * The links work without scripts; with them they tell the state of each response and which pane is in view.
 *
 *     <turn-tabs><nav><a href="#turn-0-A" data-slot="A"><b>A</b> <span data-part="state">Waiting</span></a>…</nav></turn-tabs>
 */
export class TurnTabs extends HTMLElement {
  #observer = null;

  connectedCallback() {
    const panes = this.parentElement.querySelector(".turn__panes");
    if (!panes) return;
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), { root: panes, threshold: 0.6 });
    for (const pane of panes.children) this.#observer.observe(pane);
    this.addEventListener("click", this.#go);
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
    this.removeEventListener("click", this.#go);
  }

  /**
   * @param {Record<string, import("../battle/state.js").Response>} responses by slot
   * @param {string} pacing
   */
  show(responses, pacing) {
    for (const tab of this.querySelectorAll("[data-slot]")) {
      const response = responses[tab.dataset.slot];
      const words = shortStateOf(response, pacing);
      const state = tab.querySelector('[data-part="state"]');
      if (state.textContent !== words) state.textContent = words;
      tab.dataset.status = response.status;
    }
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const tab = this.querySelector(`[data-slot="${target.dataset.slot}"]`);
      if (isIntersecting) tab?.setAttribute("aria-current", "true");
      else tab?.removeAttribute("aria-current");
    }
  }

  /** Sideways only: the page itself stays where it is. */
  #go = (event) => {
    const tab = event.target.closest?.("a[data-slot]");
    const pane = tab && document.getElementById(tab.hash.slice(1));
    if (!pane) return;
    event.preventDefault();
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    const scroller = pane.parentElement;
    scroller.scrollTo({ left: pane.offsetLeft - scroller.offsetLeft, behavior });
  };
}

customElements.define("turn-tabs", TurnTabs);
