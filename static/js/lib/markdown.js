// Markdown into a tree of blocks, and the text of a block into nodes.
//
// No HTML string is ever made of what a contestant wrote: nodes are created one by one, from the fixed set of elements
// and attributes in this file. There is nothing to sanitise, and nothing for a parser to misread.

import MarkdownIt from "markdown-it";
import { drawFormula } from "./formula.js";
import { maths } from "./maths.js";

// A paragraph longer than this (a contestant in a loop) is shown as plain text: inline rules can be quadratic.
const MAX_INLINE = 20_000;
const LINK_PROTOCOLS = new Set(["http:", "https:", "mailto:"]);

const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false })
  // Indented code and setext headings mistake formulas and lone "=" lines; references would change text above them;
  // an image becomes a "!" and a link.
  .disable(["code", "lheading", "reference", "html_block", "html_inline", "image"])
  .use(maths);

/** For people's prompts: text as it was typed, with formulas. */
const plain = new MarkdownIt("zero").use(maths).enable(["newline"]);

/** What a paragraph without any of these is: text alone. */
const PLAIN_TEXT = /^[^\n`*_[\]<>&$\\~!]*$/;

/**
 * @typedef {object} Block
 * @property {string} tag
 * @property {Record<string, string>} attributes
 * @property {[number, number]} lines first line and the line after the last
 * @property {string | null} inline Markdown of a block that holds text
 * @property {string | null} code text of a code block
 * @property {{tex: string, source: string} | null} formula
 * @property {Block[]} children
 */

/**
 * The blocks of `text`. `open` is the first line of a formula which text still to come might close, or Infinity.
 *
 * @param {string} text
 * @param {{plainly?: boolean}} options
 * @returns {{blocks: Block[], open: number}}
 */
export function parseBlocks(text, { plainly = false } = {}) {
  const tokens = [];
  const env = {};
  const parser = plainly ? plain : markdown;
  parser.block.parse(text, parser, env, tokens);
  const root = block("div");
  const path = [root];
  for (const token of tokens) {
    if (token.nesting < 0) {
      path.pop();
      continue;
    }
    const parent = path.at(-1);
    if (token.type === "inline") {
      parent.inline = token.content;
      continue;
    }
    const child = blockOf(token);
    parent.children.push(child);
    if (token.nesting > 0) path.push(child);
  }
  return { blocks: root.children, open: env.open ?? Number.POSITIVE_INFINITY };
}

function block(tag, lines = [0, 0], attributes = {}) {
  return { tag, attributes, lines, inline: null, code: null, formula: null, children: [] };
}

const ALIGNED = /^text-align:(left|center|right)$/;

function blockOf(token) {
  const made = block(token.tag, token.map ?? undefined);
  switch (token.type) {
    case "heading_open":
      // One level for all: the page has headings of its own, and models begin at any level.
      made.tag = "h4";
      made.attributes["data-level"] = token.tag.slice(1);
      break;
    case "ordered_list_open": {
      const start = token.attrGet("start");
      if (start !== null) made.attributes.start = String(Number(start));
      break;
    }
    case "th_open":
    case "td_open": {
      const side = ALIGNED.exec(token.attrGet("style") ?? "")?.[1];
      if (side) made.attributes["data-align"] = side;
      break;
    }
    case "fence":
      made.tag = "pre";
      made.code = token.content;
      break;
    case "math_block":
      made.tag = "p";
      made.formula = { tex: token.content, source: token.markup };
      break;
  }
  return made;
}

const INLINE_TAGS = { strong_open: "strong", em_open: "em", s_open: "s" };

/**
 * The text of one block as nodes.
 *
 * @param {string} text
 * @param {{plainly?: boolean}} options
 */
export function inlineNodes(text, { plainly = false } = {}) {
  const fragment = document.createDocumentFragment();
  if (text.length > MAX_INLINE || PLAIN_TEXT.test(text)) {
    fragment.append(text);
    return fragment;
  }
  const tokens = [];
  const parser = plainly ? plain : markdown;
  parser.inline.parse(text, parser, {}, tokens);
  const path = [fragment];
  for (const [index, token] of tokens.entries()) {
    if (token.nesting < 0) {
      path.pop();
      continue;
    }
    const node = inlineNode(token);
    path.at(-1).append(token.type === "math_inline" ? withFullStop(node, tokens[index + 1]) : node);
    if (token.nesting > 0) path.push(node);
  }
  fragment.normalize();
  return fragment;
}

/** A line may end behind a formula, or inside it, but not between the formula and its full stop: that moves into it. */
function withFullStop(formula, next) {
  const mark = next?.type === "text" && /^[.,;:!?)]+/.exec(next.content)?.[0];
  const end = mark && [...formula.querySelectorAll(":scope > .katex > .katex-html > .katex-base")].at(-1);
  if (!end) return formula;
  next.content = next.content.slice(mark.length);
  end.append(mark);
  return formula;
}

function inlineNode(token) {
  switch (token.type) {
    case "code_inline": {
      const code = document.createElement("code");
      code.textContent = token.content;
      return code;
    }
    case "math_inline":
      return drawFormula(token.content, token.info === "display", token.markup);
    case "softbreak": // a line of reasoning ends where its author ended it
    case "hardbreak":
      return document.createElement("br");
    case "link_open":
      return link(token.attrGet("href"));
    default:
      return token.nesting > 0
        ? document.createElement(INLINE_TAGS[token.type] ?? "span")
        : document.createTextNode(token.content);
  }
}

/** A link to another site, or plain text where the address is anything else. */
function link(href) {
  const url = URL.canParse(href ?? "") ? new URL(href) : null;
  if (!url || !LINK_PROTOCOLS.has(url.protocol)) return document.createElement("span");
  const anchor = document.createElement("a");
  anchor.setAttribute("href", url.href);
  anchor.setAttribute("rel", "noopener nofollow ugc");
  anchor.setAttribute("target", "_blank");
  return anchor;
}
