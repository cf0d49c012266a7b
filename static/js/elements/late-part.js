import { fetchPage } from "../lib/page.js";

/**
 * Puts in a part of another page, which may take its time; again whenever what this page follows has settled. Without
 * scripts, or when that page can't be had, the link inside stands there.
 *
 * @example <late-part src="/admin/contestants/contestant/pull/models/" part="shelves"><a href="…">…</a></late-part>
 */
class LatePart extends HTMLElement {
  connectedCallback() {
    document.addEventListener("page-settled", this);
    this.handleEvent();
  }

  disconnectedCallback() {
    document.removeEventListener("page-settled", this);
  }

  async handleEvent() {
    this.setAttribute("aria-busy", "true");
    try {
      const { page, isOk } = await fetchPage(this.getAttribute("src"));
      const part = page.getElementById(this.getAttribute("part"));
      if (isOk && part) this.replaceChildren(document.importNode(part, true));
    } catch {
      return; // the link stays
    } finally {
      this.removeAttribute("aria-busy");
    }
  }
}

customElements.define("late-part", LatePart);
