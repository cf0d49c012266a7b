import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEvent, emptyBattle } from "../../static/js/battle/state.js";
import { clock, milestone, stateOf, WordCount } from "../../static/js/battle/words.js";

const battleAfter = (...events) =>
  [{ type: "turn", index: 0, prompt: "?" }, ...events].reduce(applyEvent, emptyBattle(["A", "B", "C"]));
const event = (type, slot) => ({ type, slot, turn: 0, message: "" });

test("a response is described in words", () => {
  const words = (fields) => stateOf({ status: "streaming", reasoning: "", answer: "", ...fields });
  assert.deepEqual(
    [
      words({ status: "waiting" }),
      words({}),
      words({ reasoning: "r" }),
      words({ reasoning: "r", answer: "a" }),
      words({ status: "failed" }),
    ],
    ["Waiting for its turn", "Thinking", "Reasoning", "Answering", "Failed"],
  );
});

test("time is told in minutes and seconds", () => {
  assert.deepEqual([0, 42.9, 60, 3605, -3].map(clock), ["0:00", "0:42", "1:00", "1:00:05", "0:00"]);
});

test("milestones are sentences", () => {
  assert.equal(milestone(battleAfter()), "");
  assert.equal(milestone(battleAfter(event("started", "A"), event("started", "B"))), "A and B are at work.");
  assert.equal(milestone(battleAfter(event("finished", "A"))), "A has finished, B and C are still at work.");
  assert.equal(
    milestone(battleAfter(event("finished", "A"), event("finished", "B"), event("failed", "C"))),
    "A and B have finished, C has failed.",
  );
  assert.equal(milestone(battleAfter(...["A", "B", "C"].map((slot) => event("finished", slot)))), "All have finished.");
  assert.equal(
    milestone(battleAfter(...["A", "B", "C"].map((slot) => event("stopped", slot)))),
    "All have been stopped.",
  );
});

test("words of a growing text are counted as those of the whole", () => {
  const text = "  One two\n\nthree,  four$x$ five \n six";
  const counter = new WordCount();
  for (let length = 0; length <= text.length; length += 1) {
    const now = text.slice(0, length);
    assert.equal(counter.of(now), now.split(/\s+/).filter(Boolean).length, JSON.stringify(now));
  }
  assert.equal(counter.of("else"), 1);
});
