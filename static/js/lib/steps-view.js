// Reasoning painted as an ordered list of steps, each with its number and an address of its own.

import { STEPS_MAX, splitSteps, stepText } from "../battle/steps.js";
import { DocumentView } from "./document-view.js";

/**
 * Shows a growing text as steps, in an `<ol>` like the one the server renders:
 *
 *     <ol class="steps" data-prefix="turn-0-A">
 *       <li class="step" id="turn-0-A-step-1"><a class="step__number" href="#turn-0-A-step-1">1</a>
 *         <div class="step__text prose">…</div></li>
 *     </ol>
 */
export class StepsView {
  #list;
  #text = "";
  #steps = []; // {item, view, shown, start}
  #current = 0; // index of the first step that is not yet painted for good

  /** @param {HTMLOListElement} list */
  constructor(list) {
    this.#list = list;
    this.#steps = [...list.children].map((item) => ({ item, view: null, shown: null, start: 0 }));
  }

  /**
   * Paints until all of `text` is shown (then true) or `isLate()`. Steps that are shown already are left alone.
   *
   * @param {string} text
   * @param {() => boolean} isLate
   */
  show(text, isLate = () => false) {
    if (!text.startsWith(this.#text)) this.#current = 0;
    this.#text = text;
    const first = this.#current;
    const offset = first ? this.#steps[first].start : 0;
    const tail = text.slice(offset);
    const spans = splitSteps(tail, STEPS_MAX - first);
    for (const [index, [start, end]] of spans.entries()) {
      this.#current = first + index;
      this.#steps[this.#current] ??= this.#add(this.#current + 1);
      const step = this.#steps[this.#current];
      step.start = offset + tail.lastIndexOf("\n", start - 1) + 1;
      if (!this.#paint(step, stepText(tail, [start, end]), isLate)) return false;
    }
    for (const { item } of this.#steps.splice(first + spans.length)) item.remove();
    return true;
  }

  #paint(step, source, isLate) {
    if (step.shown === source) return true;
    step.view ??= new DocumentView(step.item.querySelector(".step__text"));
    const isDone = step.view.show(source, isLate);
    step.shown = isDone ? source : null;
    return isDone && !isLate();
  }

  #add(number) {
    const id = `${this.#list.dataset.prefix}-step-${number}`;
    const item = document.createElement("li");
    item.className = "step";
    item.id = id;
    const link = document.createElement("a");
    link.className = "step__number";
    link.href = `#${id}`;
    link.setAttribute("aria-label", `Step ${number}`);
    link.textContent = String(number);
    const text = document.createElement("div");
    text.className = "step__text prose";
    item.append(link, text);
    this.#list.append(item);
    return { item, view: null, shown: null };
  }
}
