/** Pages with texts of the collection: Markdown and formulas are drawn, where without scripts the plain text stands. */

import { DocumentView } from "../lib/document-view.js";

for (const element of document.querySelectorAll("[data-markdown]")) new DocumentView(element).show(element.textContent);
