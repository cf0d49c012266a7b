// Parts of the page fetched again: the server renders them, here they only change places.

/**
 * A page of this site, parsed. Raises TypeError without a connection.
 *
 * @param {string} url
 * @param {RequestInit} options
 * @returns {Promise<{page: Document, isOk: boolean}>}
 */
export async function fetchPage(url, options = {}) {
  const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "text/html" }, ...options });
  return { page: parsePage(await answer.text()), isOk: answer.ok };
}

/** @param {string} markup */
export function parsePage(markup) {
  return new DOMParser().parseFromString(markup, "text/html");
}

/**
 * Replaces the children of each element marked `data-swap` by those that `page` has under the same id. A form that
 * someone is filling in is left alone as long as the page still offers a form there.
 *
 * @param {Document} page
 */
export function swapFragments(page) {
  for (const fresh of page.querySelectorAll("[data-swap][id]")) {
    const stale = document.getElementById(fresh.id);
    if (!stale || isSame(stale, fresh) || isInUse(stale, fresh)) continue;
    stale.toggleAttribute("hidden", fresh.hidden);
    stale.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
    received.set(stale, markup(fresh));
  }
}

/** What the server last rendered into an element; scripts may have changed it since. */
const received = new WeakMap();

function isSame(stale, fresh) {
  return stale.hidden === fresh.hidden && (received.get(stale) ?? markup(stale)) === markup(fresh);
}

/** Form tokens differ in each rendering, and mean the same. */
function markup(element) {
  return element.innerHTML.replaceAll(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
}

/** Whether someone fills in a form that the fresh fragment has as well. */
function isInUse(stale, fresh) {
  const actions = new Set([...fresh.querySelectorAll("form")].map((form) => form.getAttribute("action")));
  return [...stale.querySelectorAll("form")].some(
    (form) => actions.has(form.getAttribute("action")) && isBeingFilledIn(form),
  );
}

function isBeingFilledIn(element) {
  return [...element.querySelectorAll("input, textarea, select")].some(
    (field) =>
      (field.type === "checkbox" || field.type === "radio"
        ? field.checked !== field.defaultChecked
        : field.tagName !== "SELECT" && field.type !== "hidden" && field.value !== field.defaultValue) ||
      (field === document.activeElement && field.type !== "submit"),
  );
}

/** Where a page says why it refuses something, the most telling place first. */
const REFUSALS = ['[role="alert"]', ".errorlist li", "[data-error]", "main h1 + p", "main p", "main h1"];

/** The sentence with which a page refuses something. */
export function refusalOf(page) {
  const element = REFUSALS.map((selector) => page.querySelector(selector)).find(Boolean);
  return element?.textContent.trim() || "That did not work. Reload the page and try again.";
}

export const NOT_REACHED = "The server could not be reached. Try again.";

/**
 * Says in a form why it was refused; an empty sentence takes that back.
 *
 * @param {HTMLFormElement} form
 * @param {string} sentence
 */
export function showRefusal(form, sentence) {
  const shown = form.querySelector('[data-part="refusal"]');
  if (!sentence) {
    shown?.remove();
    return;
  }
  const line = shown ?? document.createElement("p");
  line.className = "form-refusal";
  line.dataset.part = "refusal";
  line.setAttribute("role", "alert");
  line.textContent = sentence;
  const buttons = form.querySelector(":scope > .row:has([type=submit])");
  if (!shown && buttons) buttons.after(line);
  else if (!shown) form.append(line);
}
