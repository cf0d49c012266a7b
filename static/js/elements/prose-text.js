import { DocumentView } from "../lib/document-view.js";

/**
 * A text of the collection, drawn with its Markdown and formulas; without scripts the plain text stands there.
 *
 * @example <prose-text class="prose" data-plain>Solve $x^2 = 2$.</prose-text>
 */
class ProseText extends HTMLElement {
  connectedCallback() {
    if (this.hasAttribute("data-plain")) new DocumentView(this).show(this.textContent);
  }
}

customElements.define("prose-text", ProseText);
