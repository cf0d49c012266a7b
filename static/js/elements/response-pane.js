// <response-pane>: one contestant's text in one turn, as it grows.

import { ENDED, emptyResponse } from "../battle/state.js";
import { headlineOf, knownReason, patienceFor, WordCount } from "../battle/words.js";
import { copyText } from "../lib/clipboard.js";
import { DocumentView } from "../lib/document-view.js";
import { paintNoMore, paintSoon } from "../lib/paint.js";
import { StepsView } from "../lib/steps-view.js";

const COPIED_FOR_MS = 2000;
const NEAR_END_PX = 40;
const TOUCH_MS = 700; // a wheel or a finger still moves the text this long after its last event

/**
 * Starts from the server's markup (templates/battles/_response.html) and is told what to show by <battle-stream>:
 *
 *     <response-pane id="turn-0-A" data-slot="A" data-turn="0" data-status="streaming">…</response-pane>
 *
 * Text is painted by lib/paint.js; a collapsed reasoning is not painted at all. While the text grows the pane follows
 * its end for as long as its reader does. A click on a step's number sends `step-picked` with {slot, turn, step}.
 */
export class ResponsePane extends HTMLElement {
  #parts = {};
  #response = null;
  #times = { asked: null, heard: null };
  #headed = null; // the response that the header is about: it goes with the text below it
  #reasoningView = null;
  #answerView = null;
  #answerIsSteps = null;
  #words = new WordCount();
  #inSight = new Set(); // steps that are laid out
  #lastTop = 0;
  #touchedAt = 0; // when the reader last used wheel, finger, key or scroll bar
  #listening = null;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    for (const part of this.querySelectorAll("[data-part]")) this.#parts[part.dataset.part] ??= part;
    const { body, copy, follow, reasoning } = this.#parts;
    this.#response ??= this.#read();
    this.#isFollowing = !ENDED.has(this.#response.status);
    copy.hidden = false;
    copy.addEventListener("click", () => this.#copy(), { signal });
    follow.addEventListener("click", () => this.#follow(), { signal });
    reasoning.addEventListener("toggle", () => paintSoon(this.#paint), { signal });
    for (const touch of ["wheel", "touchmove", "keydown", "pointerdown", "pointermove"]) {
      body.addEventListener(touch, () => (this.#touchedAt = performance.now()), { signal, passive: true });
    }
    body.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    body.addEventListener("contentvisibilityautostatechange", (event) => this.#seen(event), { signal });
    this.addEventListener("click", (event) => this.#picked(event), { signal });
    paintSoon(this.#paint);
  }

  disconnectedCallback() {
    this.#listening?.abort();
    paintNoMore(this.#paint);
  }

  /** What is shown, or about to be. */
  get response() {
    return this.#response;
  }

  /**
   * @param {import("../battle/state.js").Response} response
   * @param {{isLatest: boolean}} options isLatest: of the newest turn, which alone may be tried again
   */
  show(response, { isLatest }) {
    const before = this.#response;
    this.#response = response;
    const { failure, named, retry } = { ...this.#parts, named: this.#parts["named-itself"] };
    if (before.status !== response.status) this.#enter(response.status);
    if (isUnshared(before) !== isUnshared(response)) this.#parts.reasoning.open = !isUnshared(response);
    if (retry) retry.hidden = !(isLatest && (response.status === "failed" || response.status === "stopped"));
    failure.hidden = !response.failure;
    failure.textContent = response.failure;
    named.hidden = !response.namedItself;
    paintSoon(this.#paint);
  }

  /** @param {import("../battle/words.js").Times} times that have passed by now */
  tell(times) {
    this.#times = times;
    if (this.#headed === this.#response) this.#head();
  }

  #enter(status) {
    const isEnded = ENDED.has(status);
    this.dataset.status = status;
    this.setAttribute("aria-busy", String(!isEnded));
    if (status === "waiting") {
      this.#isFollowing = true;
      this.#parts.reasoning.open = true;
      this.#parts.notes?.replaceChildren();
    }
    if (isEnded) {
      this.#parts.follow.hidden = true;
      if (!this.#response.reasoning) this.#parts.reasoning.open = false;
    }
  }

  #paint = (isLate) => {
    const { reasoning, steps, length } = this.#parts;
    const response = this.#response;
    this.#head();
    setText(length, this.#lengthOf(response));
    let isDone = true;
    if (reasoning.open) {
      this.#reasoningView ??= new StepsView(steps);
      isDone = this.#reasoningView.show(response.reasoning, isLate);
    }
    if (isDone) isDone = this.#answer(response).show(response.answer, isLate);
    if (this.#isFollowing) this.#scrollToEnd();
    if (isDone && ENDED.has(response.status)) this.#settle();
    return isDone;
  };

  #head() {
    const { state, clock, patience } = this.#parts;
    const [words, time] = headlineOf(this.#response, this.#times);
    setText(state, words);
    setText(clock, time);
    const note = patienceFor(this.#response, this.#times);
    if (note) setText(patience, note);
    patience.hidden = !note;
    this.dataset.why = knownReason(this.#response);
    this.#headed = this.#response;
  }

  #settle() {
    this.#isFollowing = false;
    for (const place of [...this.#inSight, this.#parts.answer]) reachable(place);
  }

  #seen({ target, skipped }) {
    if (skipped) this.#inSight.delete(target);
    else {
      this.#inSight.add(target);
      reachable(target);
    }
  }

  #lengthOf(response) {
    const { reasoning } = response;
    if (!reasoning) return isUnshared(response) ? "· not shared" : "";
    const words = this.#words.of(reasoning);
    return `· ${words.toLocaleString("en")} ${words === 1 ? "word" : "words"}`;
  }

  /** An answer without reasoning is what gets judged: then it is the answer that is shown in steps. */
  #answer({ reasoning }) {
    const isSteps = !reasoning;
    if (this.#answerIsSteps === isSteps) return this.#answerView;
    const { answer } = this.#parts;
    const present = answer.querySelector(isSteps ? ":scope > ol.steps" : ":scope > div.prose");
    const element = present ?? document.createElement(isSteps ? "ol" : "div");
    element.className = isSteps ? "steps" : "prose";
    if (isSteps) element.dataset.prefix = this.id;
    if (!present) answer.replaceChildren(element);
    this.#answerIsSteps = isSteps;
    this.#answerView = isSteps ? new StepsView(element) : new DocumentView(element);
    return this.#answerView;
  }

  /** The response as the server rendered it. */
  #read() {
    const { steps, answer, failure, "named-itself": named } = this.#parts;
    const { slot, turn, status } = this.dataset;
    const stepsIn = (element) =>
      [...element.querySelectorAll(".step__text")].map((step) => step.textContent).join("\n\n");
    return {
      ...emptyResponse(slot, Number(turn)),
      status,
      reasoning: stepsIn(steps),
      answer: answer.querySelector(":scope > .prose")?.textContent ?? stepsIn(answer),
      failure: failure.textContent,
      namedItself: !named.hidden,
    };
  }

  #scrollToEnd() {
    const { body } = this.#parts;
    body.scrollTop = body.scrollHeight;
    this.#lastTop = body.scrollTop;
  }

  /** The text moves under its reader as it grows: only a reader who moves it ends the following. */
  #scrolled() {
    const { body } = this.#parts;
    const isUp = body.scrollTop < this.#lastTop;
    this.#lastTop = body.scrollTop;
    if (ENDED.has(this.#response.status)) this.#isFollowing = false;
    else if (isUp && performance.now() - this.#touchedAt < TOUCH_MS) this.#isFollowing = false;
    else if (body.scrollHeight - body.scrollTop - body.clientHeight < NEAR_END_PX) this.#isFollowing = true;
  }

  get #isFollowing() {
    return this.hasAttribute("data-following");
  }

  set #isFollowing(isFollowing) {
    this.toggleAttribute("data-following", isFollowing);
    this.#parts.follow.hidden = isFollowing || ENDED.has(this.#response.status);
  }

  #follow() {
    this.#isFollowing = true;
    this.#scrollToEnd();
  }

  async #copy() {
    const { reasoning, answer } = this.#response;
    const { copy } = this.#parts;
    const isCopied = await copyText([reasoning, answer].filter(Boolean).join("\n\n---\n\n"));
    copy.textContent = isCopied ? "Copied" : "Not copied";
    setTimeout(() => (copy.textContent = "Copy"), COPIED_FOR_MS);
  }

  #picked(event) {
    const step = event.target.closest?.(".step__number");
    if (!step) return;
    const detail = { slot: this.#response.slot, turn: this.#response.turn, step: Number(step.textContent) };
    this.dispatchEvent(new CustomEvent("step-picked", { bubbles: true, detail }));
  }
}

/** Its reasoning is not shared, or not told apart yet: then it is an empty, closed element, as it will be in the end. */
function isUnshared({ reasoning, answer }) {
  return Boolean(answer) && !reasoning;
}

/** Formulas and tables that are too wide for the pane scroll on their own: keys must be able to do that too. */
function reachable(place) {
  for (const wide of place.querySelectorAll(".math--display, table")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    else wide.removeAttribute("tabindex");
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

customElements.define("response-pane", ResponsePane);
