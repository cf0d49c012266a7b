// A formula as nodes, drawn by KaTeX. Nothing that a contestant can write makes it throw, hang or leave its place.

import katex from "katex";
import { MAX_FORMULA } from "./maths.js";

const MAX_DEPTH = 40; // of braces, \left and \begin: deeper ones exhaust the stack or the layout
const MAX_CELLS = 1500; // of & and \\
const MAX_KEPT = 400;

// Definitions can grow without bound inside a short formula, and they would end with it anyway.
const DEFINES = /\\(?:[gex]?def|(?:new|renew|provide)command|(?:future)?let|global|long)(?![A-Za-z])/;
const OPTIONS = { strict: "ignore", trust: false, maxSize: 20, maxExpand: 1000, output: "htmlAndMathml" };

/** What was drawn lately: the open paragraph is drawn again and again, its formulas need not be. */
const kept = new Map();

/**
 * `<span class="math">` with the formula in it, or with its source where KaTeX can't draw it.
 *
 * @param {string} tex
 * @param {boolean} display
 * @param {string} source as written, delimiters included
 */
export function drawFormula(tex, display, source) {
  const key = `${display ? "d" : "i"}${source}`;
  const drawn = kept.get(key) ?? draw(tex, display, source);
  kept.delete(key);
  kept.set(key, drawn);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value);
  return drawn.cloneNode(true);
}

function draw(tex, display, source) {
  const span = document.createElement("span");
  span.className = display ? "math math--display" : "math";
  try {
    if (!isDrawable(tex)) throw new RangeError("too large");
    render(tex, span, display);
  } catch {
    // ParseError, but also RangeError and TypeError: KaTeX throws them in spite of throwOnError: false.
    span.className = "math math--source";
    span.textContent = source;
  }
  return span;
}

/** An unknown command is shown by its name inside the formula; any other mistake throws. */
function render(tex, span, displayMode) {
  try {
    katex.render(tex, span, { ...OPTIONS, displayMode, throwOnError: true });
  } catch {
    const lenient = { ...OPTIONS, displayMode, throwOnError: false, errorColor: "currentColor" };
    // Parsed on its own first: where this throws, katex.render() would write a style attribute, which the CSP blocks.
    katex.__parse(tex, lenient);
    span.replaceChildren();
    katex.render(tex, span, lenient);
  }
}

function isDrawable(tex) {
  if (tex.length > MAX_FORMULA || DEFINES.test(tex)) return false;
  let depth = 0;
  let cells = 0;
  for (const [mark] of tex.matchAll(/\\(?:begin|left|end|right)(?![A-Za-z])|\\.|[{}&]/gs)) {
    if (mark === "{" || mark === "\\begin" || mark === "\\left") depth += 1;
    else if (mark === "}" || mark === "\\end" || mark === "\\right") depth -= 1;
    else if (mark === "&" || mark === "\\\\") cells += 1;
    if (depth > MAX_DEPTH || cells > MAX_CELLS) return false;
  }
  return true;
}
