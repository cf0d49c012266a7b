import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { STEPS_MAX, splitSteps, stepText } from "../../static/js/battle/steps.js";

const CASES = JSON.parse(readFileSync(new URL("../battles/data/steps.json", import.meta.url), "utf8"));
const pieces = (text) => splitSteps(text).map(([start, end]) => text.slice(start, end));

for (const { name, text, steps } of CASES) {
  test(`cut as the server cuts: ${name}`, () => assert.deepEqual(pieces(text), steps));

  test(`a step that was followed by another never changes: ${name}`, () => {
    for (let length = 0; length < text.length; length += 1) {
      const settled = splitSteps(text.slice(0, length)).slice(0, -1);
      assert.deepEqual(splitSteps(text).slice(0, settled.length), settled);
    }
  });

  test(`steps joined again are the same steps: ${name}`, () => {
    assert.deepEqual(pieces(pieces(text).join("\n\n")), steps);
  });
}

test("an indented step is moved to the margin as a whole", () => {
  const text = "- a\n\n  - b\n    c\n  - d";
  assert.equal(stepText(text, splitSteps(text)[1]), "- b\n  c\n- d");
});

test("however long its mark, a fence is closed by one that is as long, or longer", () => {
  const mark = "`".repeat(100_000);
  const block = `${mark}js\na\n\n${mark.slice(1)}\n\nb\n${mark}~`;
  assert.deepEqual(pieces(`${block}\n\nAfter`), [block, "After"]);
});

test("the last of very many steps takes in what follows", () => {
  const texts = Array.from({ length: STEPS_MAX + 5 }, (_, number) => `step ${number}`);
  const steps = pieces(texts.join("\n\n"));
  assert.equal(steps.length, STEPS_MAX);
  assert.equal(steps.at(-2), `step ${STEPS_MAX - 2}`);
  assert.equal(steps.at(-1), texts.slice(STEPS_MAX - 1).join("\n\n"));
  assert.equal(splitSteps("a\n\nb\n\nc", 2).length, 2);
});
