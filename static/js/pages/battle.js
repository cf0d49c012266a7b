/** The page of a battle: the stream, the panes, the ballot. */

import "../elements/battle-stream.js";
import "../elements/response-pane.js";
import "../elements/ballot-form.js";
import "../elements/copy-link.js";

/** A form marked `data-quiet` is sent without leaving the page: what it brings about arrives over the socket. */
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-quiet]")) return;
  event.preventDefault();
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  try {
    const page = await fetch(form.action, { method: "POST", body: new FormData(form) });
    if (!page.ok) location.reload(); // the battle has moved on meanwhile: show it as it is
  } catch {
    button.disabled = false;
  }
});
