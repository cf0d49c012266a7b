// The problem pages: statements, notes and answers are Markdown with formulas; without scripts they stay as typed.

import { DocumentView } from "../lib/document-view.js";

for (const element of document.querySelectorAll("[data-markdown]")) {
  const text = element.textContent.trim();
  delete element.dataset.plain;
  new DocumentView(element).show(text);
}
