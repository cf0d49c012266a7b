// However a text is cut on its way, what stands on the page in the end is what one showing of the whole text gives.

import assert from "node:assert/strict";
import { test } from "node:test";
import { randomFrom } from "./dom.js";

const { DocumentView } = await import("../../static/js/lib/document-view.js");
const { StepsView } = await import("../../static/js/lib/steps-view.js");

// Pieces chosen to meet each other badly when put side by side and cut anywhere.
const PIECES = [
  "Let $p$ be prime. ",
  "so \\(a_1 < b\\), ",
  "\n\n",
  "\n",
  "\n\n",
  "\n",
  "- item ",
  "\n- ",
  "\n  - nested ",
  "\n1. one",
  "\n2. two",
  "\n\n   continued",
  "$$\nx\n\n- y\n$$",
  "\\[\na = b\n\n+ c\n\\]",
  "$$",
  "\\[",
  "\\]",
  "$",
  "\\(",
  "```py\nx = 1\n\ny\n```",
  "\n```\n",
  "`code $x$`",
  "**bold**",
  "*em",
  "_",
  "> quoted\n",
  ">",
  "# Title\n",
  "\n## ",
  "| a | b |\n|---|:-:|\n| 1 | $2$ |\n",
  "\n|---|---|\n",
  "a | b",
  "---\n",
  "=\n",
  "\\boxed{42}",
  "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}",
  "\\begin{align}",
  "$5 and $10",
  "[link](https://a.example/)",
  "[x",
  "](",
  "<b>",
  "&lt;",
  "~~gone~~",
  "\t",
  "    deep",
  "\\",
  "\\$",
  "😀",
  "\r\n",
  "* ",
  "+ ",
  "10) ten\n",
  "\n\n\n",
  "word ",
];

function randomText(random, length) {
  return Array.from({ length }, () => PIECES[Math.floor(random() * PIECES.length)]).join("");
}

const documentKind = () => {
  const element = document.createElement("div");
  return { element, view: new DocumentView(element) };
};
const stepsKind = () => {
  const element = document.createElement("ol");
  element.dataset.prefix = "turn-0-A";
  return { element, view: new StepsView(element) };
};

function atOnce(kind, text) {
  const { element, view } = kind();
  assert.ok(view.show(text));
  return element.innerHTML;
}

for (const [name, kind] of [
  ["a document", documentKind],
  ["numbered steps", stepsKind],
]) {
  test(`${name} streamed in random pieces equals ${name} shown at once`, () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const random = randomFrom(seed);
      const text = randomText(random, 4 + Math.floor(random() * 40));
      const { element, view } = kind();
      for (let at = 0; at < text.length; ) {
        at = Math.min(text.length, at + 1 + Math.floor(random() ** 3 * 30));
        while (!view.show(text.slice(0, at), () => random() < 0.3));
      }
      assert.equal(element.innerHTML, atOnce(kind, text), `seed ${seed}: ${JSON.stringify(text)}`);
    }
  });

  test(`${name} replaced by another text keeps nothing of the first`, () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = randomFrom(seed);
      const [first, second] = [randomText(random, 20), randomText(random, 20)];
      const { element, view } = kind();
      view.show(first);
      view.show(second);
      assert.equal(element.innerHTML, atOnce(kind, second), `seed ${seed}`);
    }
  });
}

test("finished blocks keep their nodes while text is appended", () => {
  const { element, view } = documentKind();
  let text = "First.\n\n- one\n- two\n\nSecond $x$.\n\n";
  view.show(text);
  const nodes = [element.children[0], element.querySelector("li"), element.querySelector(".math")];
  for (const more of ["Third.", "\n\n", "- three\n- four\n", "\n\nEnd"]) {
    text += more;
    view.show(text);
  }
  assert.deepEqual([element.children[0], element.querySelector("li"), element.querySelector(".math")], nodes);
});

test("items of a long open list are not drawn again", () => {
  const { element, view } = documentKind();
  let text = "";
  for (let item = 0; item < 400; item += 1) {
    text += `- item ${item} with $x_{${item}}$\n`;
    view.show(text);
  }
  const first = element.querySelector("li");
  const formula = first.querySelector(".math");
  view.show(`${text}- one more`);
  assert.equal(element.querySelector("li"), first);
  assert.equal(first.querySelector(".math"), formula);
  assert.equal(element.querySelectorAll("li").length, 401);
});

test("steps rendered by the server are kept as items", () => {
  const { element, view: _ } = stepsKind();
  element.innerHTML =
    '<li class="step" id="turn-0-A-step-1"><div class="step__text prose">One $x$.</div></li>' +
    '<li class="step" id="turn-0-A-step-2"><div class="step__text prose">Two.</div></li>';
  const items = [...element.children];
  new StepsView(element).show("One $x$.\n\nTwo.");
  assert.deepEqual([...element.children], items);
  assert.ok(items[0].querySelector(".math"));
});
