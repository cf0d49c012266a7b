// Reasoning cut into numbered steps by the same rule as arena/battles/steps.py: "step 7" means the same to everyone.

export const STEPS_MAX = 10_000; // the last of them takes in all that follows
const OPENS_FENCE = /^[ \t]*(`{3,}(?=[^`]*$)|~{3,})/;
const ENDS_FENCE = /^[`~]*[ \t\r]*$/;
const INDENT = /^[ \t]*/;
const OPENS_DISPLAY = /^[ \t]*(\$\$|\\\[)/;
const CLOSERS = { $$: "$$", "\\[": "\\]" };
// What Python's str.strip() removes. JavaScript's trim() differs in both directions.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LEADING = new RegExp(`^[${SPACE}]+`);
const TRAILING = new RegExp(`[${SPACE}]$`);

/**
 * The [start, end) of each paragraph, fenced block or display formula in `text`, as UTF-16 offsets.
 * A step that has been followed by another never changes when text is appended.
 *
 * @param {string} text
 * @param {number} most how many there may be: fewer than STEPS_MAX where `text` is not the beginning
 * @returns {[number, number][]}
 */
export function splitSteps(text, most = STEPS_MAX) {
  const steps = [];
  let start = -1; // of the step being read; -1 between steps
  let closes = null; // tells whether a line ends the whole block we are in
  let from = 0;
  while (from <= text.length) {
    const newline = text.indexOf("\n", from);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(from, end);
    if (closes) {
      if (closes(line)) closes = null;
    } else if (/^[ \t\r]*$/.test(line)) {
      if (start >= 0) steps.push(trimmed(text, start, from));
      start = -1;
    } else {
      if (start < 0) start = from;
      closes = newline < 0 ? null : opened(line);
    }
    from = end + 1;
  }
  if (start >= 0) steps.push(trimmed(text, start, text.length));
  const found = steps.filter(([begin, end]) => end > begin);
  if (found.length > most) found.splice(most - 1, found.length, [found[most - 1][0], found.at(-1)[1]]);
  return found;
}

/** Where the line that opens a block which stays whole, blank lines included, tells what closes it. */
function opened(line) {
  const fence = OPENS_FENCE.exec(line);
  if (fence) {
    return (next) => closesFence(next, fence[1]);
  }
  const display = OPENS_DISPLAY.exec(line);
  if (!display) return null;
  const closer = CLOSERS[display[1]];
  if (line.includes(closer, display[0].length)) return null;
  return (next) => next.includes(closer);
}

/** Not by a regular expression with the mark in it: a mark may be too long for one. */
function closesFence(line, mark) {
  const indent = INDENT.exec(line)[0].length;
  return line.startsWith(mark, indent) && ENDS_FENCE.test(line.slice(indent + mark.length));
}

function trimmed(text, start, end) {
  const lead = LEADING.exec(text.slice(start, end))?.[0].length ?? 0;
  let stop = end;
  while (stop > start + lead && TRAILING.test(text[stop - 1])) stop -= 1;
  return [start + lead, stop];
}

/**
 * The text of a step as it is drawn: an indented step (a paragraph of a list, say) is moved to the margin as a whole.
 *
 * @param {string} text
 * @param {[number, number]} span
 */
export function stepText(text, [start, end]) {
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const indent = start - lineStart;
  const step = text.slice(start, end);
  return indent ? step.replaceAll(new RegExp(`\\n[ \\t]{1,${indent}}`, "g"), "\n") : step;
}
