// Markdown that grows, painted into an element: finished blocks are left alone, only what changed is drawn again.

import { drawFormula } from "./formula.js";
import { inlineNodes, parseBlocks } from "./markdown.js";

const CHUNK_CHARS = 1500; // drawn between two looks at the clock

/**
 * Shows a text that mostly grows at its end. However the text was cut on its way, the nodes are the same.
 *
 *     const view = new DocumentView(document.querySelector(".prose"));
 *     while (!view.show(text, isLate)) await nextFrame();
 */
export class DocumentView {
  #element;
  #options;
  #text = ""; // what is shown
  #settled = 0; // blocks before this offset will never change
  #blocks = []; // those after it, each with its element
  #isPainted = false;

  /**
   * @param {Element} element whose children this view replaces at its first painting
   * @param {{plainly?: boolean}} options plainly: formulas only, no Markdown
   */
  constructor(element, options = {}) {
    this.#element = element;
    this.#options = options;
  }

  /**
   * Paints until all of `text` is shown (then true) or `isLate()`.
   *
   * @param {string} text
   * @param {() => boolean} isLate
   */
  show(text, isLate = () => false) {
    const target = text.includes("\r") ? text.replaceAll("\r", "") : text;
    if (!this.#isPainted || !target.startsWith(this.#text)) this.#clear();
    while (this.#text.length < target.length) {
      const open = this.#text.length - this.#settled;
      this.#advance(target.slice(0, this.#text.length + Math.max(CHUNK_CHARS, open >> 1)));
      if (isLate()) break;
    }
    return this.#text.length === target.length;
  }

  #clear() {
    this.#element.replaceChildren();
    this.#element.removeAttribute("data-plain"); // which kept the line ends of plain text
    this.#text = "";
    this.#settled = 0;
    this.#blocks = [];
    this.#isPainted = true;
  }

  #advance(text) {
    this.#text = text;
    const tail = text.slice(this.#settled);
    const { blocks, open } = parseBlocks(tail, this.#options);
    this.#patch(this.#element, this.#blocks, blocks);
    this.#settle(tail, blocks, open);
  }

  /**
   * Lets go of the blocks that can't change any more: those before the last block which begins at least two whole
   * lines above the end (a table is known by its second line) and not below a formula that may still close.
   */
  #settle(tail, blocks, open) {
    const lineStarts = startsOfLines(tail);
    const newest = Math.min(lineStarts.length - 3, open);
    let keep = blocks.length - 1;
    while (keep > 0 && !(blocks[keep].lines[0] <= newest && blocks[keep].lines[0] >= blocks[keep - 1].lines[1]))
      keep -= 1;
    if (keep > 0) this.#settled += lineStarts[blocks[keep].lines[0]];
    this.#blocks = keep > 0 ? blocks.slice(keep) : blocks;
  }

  #patch(parent, olds, news) {
    for (const [index, next] of news.entries()) {
      const old = olds[index];
      if (old && isSameKind(old, next)) this.#update(old, next);
      else {
        next.element = this.#create(next);
        if (old) old.element.replaceWith(next.element);
        else parent.append(next.element);
      }
    }
    for (const old of olds.slice(news.length)) old.element.remove();
  }

  #create(block) {
    const element = document.createElement(block.tag);
    for (const [name, value] of Object.entries(block.attributes)) element.setAttribute(name, value);
    if (block.inline !== null) element.append(inlineNodes(block.inline, this.#options));
    if (block.code !== null) element.appendChild(document.createElement("code")).append(block.code);
    if (block.formula) element.append(drawFormula(block.formula.tex, true, block.formula.source));
    this.#patch(element, [], block.children);
    return element;
  }

  #update(old, next) {
    const { element } = old;
    next.element = element;
    if (next.inline !== old.inline) element.replaceChildren(inlineNodes(next.inline, this.#options));
    if (next.code !== old.code) replaceText(element.firstChild, old.code, next.code);
    if (next.formula && next.formula.source !== old.formula.source) {
      element.replaceChildren(drawFormula(next.formula.tex, true, next.formula.source));
    }
    this.#patch(element, old.children, next.children);
  }
}

function isSameKind(old, next) {
  return (
    old.tag === next.tag &&
    (old.inline === null) === (next.inline === null) &&
    (old.formula === null) === (next.formula === null) &&
    JSON.stringify(old.attributes) === JSON.stringify(next.attributes)
  );
}

function replaceText(element, before, after) {
  const node = element.firstChild;
  if (node && after.startsWith(before)) node.appendData(after.slice(before.length));
  else element.textContent = after;
}

function startsOfLines(text) {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
