// Which parts of a text are formulas, and which only look like it.

import assert from "node:assert/strict";
import { test } from "node:test";
import "./dom.js";

const { DocumentView } = await import("../../static/js/lib/document-view.js");
const { inlineNodes } = await import("../../static/js/lib/markdown.js");

function shown(text) {
  const element = document.createElement("div");
  new DocumentView(element).show(text);
  return element;
}

const sourceOf = (math) => math.querySelector("annotation")?.textContent ?? `source: ${math.textContent}`;
const formulasIn = (text) => [...shown(text).querySelectorAll(".math")].map(sourceOf);

const FORMULAS = [
  ["$x$", ["x"]],
  ["\\(x\\) and \\[y\\]", ["x", "y"]],
  ["$$x$$ in $$y$$", ["x", "y"]],
  ["\\[\nx\n\n- y\n\\]", ["x\n\n- y"]],
  ["text\n$$\nx\n= y\n$$\ntext", ["\nx\n= y\n"]],
  ["1. So\n   $$\n   x\n   $$\n2. On", ["\nx\n"]],
  ["> $$\n> x\n> $$", ["\nx\n"]],
  ["the $n$th, $p$-adic, ($q$).", ["n", "p", "q"]],
  ["$5$ is prime", ["5"]],
  ["$3 \\cdot 4$", ["3 \\cdot 4"]],
  ["$2 mod 3$", ["2 mod 3"]],
  ["so \\boxed{\\frac{1}{2}} it is", ["\\boxed{\\frac{1}{2}}"]],
  ["\\begin{align*}\na &= b\n\\end{align*}", ["\\begin{align*}\na &= b\n\\end{align*}"]],
  ["$a_1 * b_1$ and *so* $c_2$", ["a_1 * b_1", "c_2"]],
  ["$$\na \\\\[2pt] b\n$$", ["\na \\\\[2pt] b\n"]],
  ["$$x$$ where $y$ is\n- z", ["x", "y"]],
  ["| a | b |\n|---|---|\n| $x$ | 1 |", ["x"]],
];
for (const [text, formulas] of FORMULAS) {
  test(`formulas in ${JSON.stringify(text)}`, () => {
    assert.deepEqual(
      formulasIn(text).map((tex) => tex.replaceAll(/^\n|\n$/g, "")),
      formulas.map((tex) => tex.replaceAll(/^\n|\n$/g, "")),
    );
  });
}

const NOT_FORMULAS = [
  "$5 and $10",
  "costs $5.",
  "from $5-$10",
  "US$5 or A$6.",
  "$5 million to 6 million$",
  "$20 (or $30)",
  "\\$x\\$",
  "`$x$`",
  "```\n$x$\n```",
  "$ x $",
  "$HOME and $PATH",
  "an open $x",
  "an open \\(x",
  "\\[ never",
  "$$ never",
  "$$$$",
  "$$ $$",
  "a $ b $ c",
  "\\\\(x\\\\)",
];
for (const text of NOT_FORMULAS) {
  test(`no formula in ${JSON.stringify(text)}`, () => assert.deepEqual(formulasIn(text), []));
}

test("an unfinished formula stays as written until it closes", () => {
  assert.equal(shown("so \\(x + 1").textContent, "so \\(x + 1");
  assert.equal(shown("so \\[x + 1").textContent, "so \\[x + 1");
  assert.equal(shown("$$\nx + 1").textContent, "$$x + 1");
});

test("a lone = or - line makes no heading", () => {
  assert.equal(shown("a\n=\nb").querySelector("h1, h2, h3, h4"), null);
  assert.equal(shown("a\n-\nb").querySelector("h1, h2, h3, h4"), null);
});

const MISSHAPEN = [
  "\\frac{",
  "\\foo{x}^",
  "}{",
  "\\begin{matrix} x",
  "x^y^z",
  "\\left( x",
  "\\def\\a{\\a\\a}\\a",
  "\\newcommand{\\x}{y}\\x",
  "\\htmlClass{a}{b}",
  "\\href{javascript:alert(1)}{x}",
  "\\includegraphics{x.png}",
  "{".repeat(4000),
  "\\sqrt".repeat(1500),
  "\\frac1".repeat(1200),
  "x^".repeat(2000),
  "{x".repeat(2000) + "}".repeat(2000),
  "\\left(".repeat(300) + "\\right)".repeat(300),
  "&".repeat(4000),
  "\\rule{9999em}{9999em}",
  "\\kern-9999em x",
  `\\text{$${"a".repeat(100)}$}`,
  "\\color{red",
  "\\unknown x",
  "\\char`\\",
  "\\verb|x",
  `\\begin{array}{${"c".repeat(3000)}}x\\end{array}`,
  `${"\\overbrace{".repeat(35)}x${"}".repeat(35)}`,
  "\\mathchoice{a}{b}{c}{d}",
  `\\operatorname{${"x".repeat(5000)}}`,
  "\\rule{1em}{1em}".repeat(400),
];
for (const tex of MISSHAPEN) {
  test(`drawn or shown as source in about a second of work: ${tex.slice(0, 40)}`, () => {
    const started = process.cpuUsage();
    const math = shown(`\\[${tex}\\]`);
    assert.ok(math.textContent.length > 0);
    const workedMs = process.cpuUsage(started).user / 1000; // by the clock it depends on what else the machine does
    assert.ok(workedMs < 3000, `${workedMs} ms`);
    assert.equal(math.querySelector("a, img, script, .katex-error"), null);
  });
}

const SLOW = {
  "openers that never close": "\\[".repeat(5000),
  "openers on lines of their own": "\\[\n".repeat(5000),
  dollars: "$x ".repeat(6000),
  "double dollars": "$$a ".repeat(2001),
  parentheses: "\\(".repeat(10_000),
  boxes: "\\boxed{".repeat(2500),
  environments: "\\begin{align}".repeat(1500),
  "environments on lines of their own": "\\begin{align}\n".repeat(3000),
  brackets: "[".repeat(20_000),
  "half links": "[a](b".repeat(4000),
  emphasis: "*a **b _c ".repeat(2000),
  backticks: Array.from({ length: 190 }, (_, n) => "`".repeat(n)).join(" "),
  "quotes in quotes": ">".repeat(20_000),
  "quoted lines": "> ".repeat(90).concat("x\n").repeat(300),
  "lists in lists": Array.from({ length: 300 }, (_, n) => `${"  ".repeat(n)}- x`).join("\n"),
  "a line without end": "word ".repeat(60_000),
  "a table": `|a|b|\n|-|-|\n${"|x|y|\n".repeat(3000)}`,
  "a wide table": `${"|a".repeat(1000)}|\n${"|-".repeat(1000)}|\n${"|x|\n".repeat(60)}`,
  backslashes: "\\".repeat(20_000),
  "angle brackets": "<a".repeat(9000),
  entities: "&a".repeat(9000),
};
for (const [name, text] of Object.entries(SLOW)) {
  test(`hostile repetition is shown within seconds: ${name}`, () => {
    const started = performance.now();
    shown(text);
    assert.ok(performance.now() - started < 20_000, `${performance.now() - started} ms`);
  });
}

test("a prompt keeps its stars and underscores, and gets its formulas", () => {
  const paragraph = document.createElement("p");
  paragraph.append(inlineNodes("2*3*4 and a_b_c\nwith $x^2$", { plainly: true }));
  assert.equal(paragraph.querySelectorAll(".math").length, 1);
  assert.equal(paragraph.querySelectorAll("br").length, 1);
  assert.match(paragraph.textContent, /^2\*3\*4 and a_b_c/);
});

test("the full stop behind a formula moves into it, so that no line begins with it", () => {
  const math = shown("with $a > 1$. So").querySelector(".katex-base:last-child");
  assert.ok(math.textContent.endsWith("1."));
  assert.equal(shown("with $a > 1$. So").querySelector("p").lastChild.textContent, " So");
});
