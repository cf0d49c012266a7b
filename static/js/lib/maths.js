// Where formulas begin and end in Markdown: rules for markdown-it. What is drawn of a formula is in formula.js.
//
// Known are \( \), \[ \], $ $, $$ $$, \begin{…} \end{…} and \boxed{…}. A formula that does not close within
// MAX_FORMULA characters stays text, which bounds every search; dollars that look like money stay text as well.

export const MAX_FORMULA = 8192;

const ENVIRONMENTS =
  "equation|align|alignat|gather|split|aligned|alignedat|gathered|cases|array|[pbBvV]?matrix|smallmatrix|CD";
const BEGIN = new RegExp(`\\\\begin\\{((?:${ENVIRONMENTS})\\*?)\\}`, "y");
const BOXED = /\\boxed\s?\{/y;

const DOLLAR = 0x24;
const BACKSLASH = 0x5c;

/** @param {import("markdown-it").default} md */
export function maths(md) {
  md.block.ruler.before("table", "math_block", mathBlock, { alt: ["paragraph", "blockquote", "list"] });
  md.inline.ruler.before("escape", "math_inline", mathInline);
}

/**
 * A display formula that starts a line; blank lines and lines that look like lists may stand inside it.
 * `env.open` becomes the first line of a formula that text still to come might close.
 */
function mathBlock(state, startLine, endLine, silent) {
  const begin = state.bMarks[startLine] + state.tShift[startLine];
  const opener = displayOpener(state.src, begin, state.eMarks[startLine]);
  if (!opener) return false;
  const expected = expectedCloser(state, opener);
  if (expected < 0) return false;
  const floor = Math.min(state.blkIndent, state.sCount[startLine]);
  const lines = [];
  let from = opener.from;
  for (let line = startLine; line < endLine; line += 1) {
    if (line > startLine) {
      if (state.sCount[line] < floor && !state.isEmpty(line)) return false;
      from = state.bMarks[line] + state.tShift[line];
    }
    const end = state.eMarks[line];
    if (expected < end) {
      lines.push(state.src.slice(from, expected));
      return finish(state, { startLine, endLine, line, close: expected, opener, tex: lines.join("\n"), silent });
    }
    lines.push(state.src.slice(from, end));
  }
  return false;
}

/**
 * Where the formula closes, if it does so within MAX_FORMULA characters and its container goes on until there; or -1.
 * The last search is remembered: a text of openers without a closer is searched once.
 */
function expectedCloser(state, { closer, from }) {
  const { src, env } = state;
  env.searched ??= {};
  const last = env.searched[closer];
  const isKnown = last && last.from <= from && (from <= last.at || last.at < 0);
  const at = isKnown ? last.at : closerIn(src, closer, from, src.length);
  if (!isKnown) env.searched[closer] = { from, at };
  if (at >= 0) return at - from <= MAX_FORMULA ? at : -1;
  if (src.length - from <= MAX_FORMULA) env.open = Math.min(env.open ?? Number.POSITIVE_INFINITY, lineOf(state, from));
  return -1;
}

function lineOf(state, position) {
  let low = 0;
  let high = state.bMarks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (state.bMarks[middle] <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

function finish(state, { startLine, endLine, line, close, opener, tex, silent }) {
  if (!tex.trim()) return false;
  if (silent) return true;
  const after = close + opener.closer.length;
  const token = state.push("math_block", "", 0);
  token.content = opener.wrap(tex);
  token.markup = opener.markup(tex);
  token.map = [startLine, line + 1];
  state.line = line + 1;
  const rest = state.src.slice(after, state.eMarks[line]);
  if (rest.trim()) paragraphFrom(state, line, after + rest.search(/\S/), endLine);
  return true;
}

/** What follows the formula on its last line, with the lines that go on from there, is a paragraph. */
function paragraphFrom(state, line, position, endLine) {
  const { bMarks, tShift } = state;
  const [begin, shift] = [bMarks[line], tShift[line]];
  bMarks[line] = position;
  tShift[line] = 0;
  const paragraph = state.md.block.ruler.getRules("").at(-1);
  paragraph(state, line, endLine, false);
  bMarks[line] = begin;
  tShift[line] = shift;
}

function displayOpener(src, begin, end) {
  const first = src.charCodeAt(begin);
  if (first === DOLLAR && src.startsWith("$$", begin)) return delimiters("$$", "$$", begin);
  if (first !== BACKSLASH) return null;
  if (src[begin + 1] === "[") return delimiters("\\[", "\\]", begin);
  BEGIN.lastIndex = begin;
  const name = BEGIN.exec(src)?.[1];
  if (!name || BEGIN.lastIndex > end) return null;
  return environment(name, begin);
}

function delimiters(open, closer, begin) {
  return { from: begin + open.length, closer, wrap: (tex) => tex, markup: (tex) => open + tex + closer };
}

function environment(name, begin) {
  const open = `\\begin{${name}}`;
  const closer = `\\end{${name}}`;
  const whole = (tex) => open + tex + closer;
  return { from: begin + open.length, closer, wrap: whole, markup: whole };
}

function mathInline(state, silent) {
  const { src, pos } = state;
  const first = src.charCodeAt(pos);
  if (first !== DOLLAR && first !== BACKSLASH) return false;
  const found = first === DOLLAR ? dollars(state) : backslashed(state);
  if (!found) return false;
  if (!silent) {
    if (found.tex === undefined) {
      state.pending += src.slice(pos, found.end); // the opener of a formula that never closes is shown as written
    } else {
      const token = state.push("math_inline", "", 0);
      token.content = found.tex;
      token.markup = src.slice(pos, found.end);
      token.info = found.display ? "display" : "";
    }
  }
  state.pos = found.end;
  return true;
}

function dollars(state) {
  const { src, pos, posMax } = state;
  if (src[pos + 1] === "$") {
    const close = nextCloser(state, "$$", pos + 2);
    if (close < 0 || !src.slice(pos + 2, close).trim()) return { end: pos + 2 };
    return { tex: src.slice(pos + 2, close), end: close + 2, display: true };
  }
  const close = nextCloser(state, "$", pos + 1);
  const after = close + 1 < posMax ? src[close + 1] : "";
  if (close < 0 || !isFormula(src[pos - 1] ?? "", src.slice(pos + 1, close), after)) return { end: pos + 1 };
  return { tex: src.slice(pos + 1, close), end: close + 1, display: false };
}

function backslashed(state) {
  const { src, pos } = state;
  const next = src[pos + 1];
  if (next === "(" || next === "[") {
    const close = nextCloser(state, next === "(" ? "\\)" : "\\]", pos + 2);
    if (close < 0 || !src.slice(pos + 2, close).trim()) return { end: pos + 2 };
    return { tex: src.slice(pos + 2, close), end: close + 2, display: next === "[" };
  }
  if (next !== "b") return null;
  BOXED.lastIndex = pos;
  if (BOXED.test(src)) {
    const end = braceEnd(src, BOXED.lastIndex, Math.min(state.posMax, pos + MAX_FORMULA));
    return end < 0 ? null : { tex: src.slice(pos, end), end, display: false };
  }
  BEGIN.lastIndex = pos;
  const name = BEGIN.exec(src)?.[1];
  if (!name) return null;
  const closer = `\\end{${name}}`;
  const close = nextCloser(state, closer, BEGIN.lastIndex);
  const end = close + closer.length;
  return close < 0 ? null : { tex: src.slice(pos, end), end, display: true };
}

/**
 * Whether what stands between two single dollars is a formula: no space inside the dollars, no digit after them, no
 * code, and not an amount of money followed by words ("$5 million, or 3 euros and$").
 *
 * @param {string} before the character in front of the opening dollar
 * @param {string} tex
 * @param {string} after the character behind the closing dollar
 */
export function isFormula(before, tex, after) {
  if (!tex || /^\s|\s$/.test(tex) || tex.includes("`") || /\d/.test(after)) return false;
  if (!/^[\d.,]/.test(tex)) return true;
  if (/[A-Za-z]/.test(before)) return false; // US$5
  if (/[\\^_={}]/.test(tex)) return true;
  const words = tex.match(/(?<![A-Za-z])[A-Za-z]{2,}(?![A-Za-z])/g) ?? [];
  return words.every((word) => ["mod", "gcd", "lcm", "div"].includes(word));
}

/**
 * Where `closer` next stands unescaped, at most MAX_FORMULA on; -1 if nowhere. The stretch without one is remembered
 * in the state: thousands of openers that never close cost one pass over the text.
 */
function nextCloser(state, closer, from) {
  state.noCloserIn ??= {};
  const [low, high] = state.noCloserIn[closer] ?? [0, 0];
  const end = Math.min(state.posMax, from + MAX_FORMULA);
  const isKnown = low <= from && from < high;
  const close = closerIn(state.src, closer, from, end, isKnown ? high : from);
  if (close < 0) state.noCloserIn[closer] = [isKnown ? low : from, end - closer.length + 1];
  return close;
}

function closerIn(src, closer, from, end, searchFrom = from) {
  let at = src.indexOf(closer, searchFrom);
  while (at >= 0 && at + closer.length <= end) {
    if (!isEscaped(src, at, from)) return at;
    at = src.indexOf(closer, at + 1);
  }
  return -1;
}

function isEscaped(src, at, from) {
  let slashes = 0;
  while (at - slashes > from && src.charCodeAt(at - slashes - 1) === BACKSLASH) slashes += 1;
  return slashes % 2 === 1;
}

function braceEnd(src, from, end) {
  let depth = 1;
  for (let at = from; at < end; at += 1) {
    const char = src[at];
    if (char === "\\") at += 1;
    else if (char === "{") depth += 1;
    else if (char === "}") {
      depth -= 1;
      if (!depth) return at + 1;
    }
  }
  return -1;
}
