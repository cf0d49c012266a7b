import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEvent, emptyBattle } from "../../static/js/battle/state.js";
import {
  clock,
  connectionWords,
  headlineOf,
  knownReason,
  milestone,
  patienceFor,
  progressOf,
  shortStateOf,
  stateOf,
  WordCount,
} from "../../static/js/battle/words.js";

const battleAfter = (...events) =>
  [{ type: "turn", index: 0, prompt: "?" }, ...events].reduce(applyEvent, emptyBattle(["A", "B", "C"]));
const event = (type, slot) => ({ type, slot, turn: 0, message: "" });
const waiting = (slot, why) => ({ type: "waiting", slot, turn: 0, why });
const response = (fields) => ({ status: "streaming", reasoning: "", answer: "", why: "", ...fields });

test("a response is described in words", () => {
  const words = (fields) => stateOf(response(fields));
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

test("what has not said a word is described by the reason, and thinks where no reason is known", () => {
  const whys = ["loading", "queued", "retrying", "", "teleporting", "constructor", undefined];
  assert.deepEqual(
    whys.map((why) => [stateOf(response({ why })), shortStateOf(response({ why })), knownReason({ why })]),
    [
      ["Loading into memory", "Loading", "loading"],
      ["Waiting in line", "In line", "queued"],
      ["Server busy; asking again", "Busy", "retrying"],
      ...Array(4).fill(["Thinking", "Thinking", ""]),
    ],
  );
  assert.equal(shortStateOf(response({ status: "waiting" })), "Waiting");
  assert.equal(shortStateOf(response({ reasoning: "r" })), "Reasoning");
});

test("the header tells how long it has been, and how long nothing new has come", () => {
  const head = (fields, times) => headlineOf(response(fields), times).join("");
  assert.equal(head({}, { asked: 84.9, heard: 84 }), "Thinking, 1:24");
  assert.equal(head({ why: "loading" }, { asked: 42, heard: 42 }), "Loading into memory, 0:42");
  assert.equal(head({ reasoning: "r" }, { asked: 42, heard: 10 }), "Reasoning, 0:42");
  assert.equal(head({ reasoning: "r" }, { asked: 42, heard: 14.2 }), "Nothing new for 0:14");
  assert.equal(head({ answer: "a" }, { asked: 42, heard: null }), "Answering, 0:42");
  assert.equal(head({ status: "waiting" }, { asked: 3, heard: 3 }), "Waiting for its turn, 0:03");
  assert.equal(head({ status: "finished", answer: "a" }, { asked: null, heard: null }), "Finished");
});

test("whoever waits long for a first word is told what fits the reason", () => {
  const note = (fields, asked) => patienceFor(response(fields), { asked, heard: asked });
  assert.deepEqual([note({}, 15), note({ why: "loading" }, 5), note({ why: "queued" }, 5)], ["", "", ""]);
  assert.equal(note({}, 16), "Nothing yet. Some think for minutes before their first word.");
  assert.equal(note({ why: "loading" }, 6), "Nothing yet. Large ones can take a minute or two to load.");
  assert.equal(note({ why: "queued" }, 6), "Nothing yet. Its server answers others first.");
  assert.equal(note({ why: "retrying" }, 6), "Nothing yet. Its server is busy, and is asked again after a pause.");
  assert.match(note({ status: "waiting" }, 16), /asked as soon as there is room/);
  assert.deepEqual([note({ reasoning: "r" }, 99), note({ answer: "a" }, 99), note({}, null)], ["", "", ""]);
});

test("where text is held back an empty pane says nothing of its contestant", () => {
  for (const pacing of ["even", "together"]) {
    assert.equal(stateOf(response({ why: "loading" }), pacing), "At work");
    assert.equal(shortStateOf(response({}), pacing), "At work");
    assert.equal(headlineOf(response({}), { asked: 84, heard: 84, pacing }).join(""), "At work, 1:24");
    assert.equal(stateOf(response({ reasoning: "r" }), pacing), "Reasoning");
  }
  const note = (pacing) => patienceFor(response({}), { asked: 6, heard: 6, pacing });
  assert.equal(note("even"), "Nothing yet. Its text is shown once all have begun.");
  assert.equal(note("together"), "Nothing yet. Its text is shown once all are done.");
});

test("progress is told in numbers until there is text", () => {
  const turn = (thinking, writing, done, fields = {}) => ({
    progress: { thinking, writing, done },
    responses: { A: response({}), B: response(fields) },
  });
  assert.equal(progressOf(turn(3, 0, 0), "even"), "3 of 3 are thinking");
  assert.equal(progressOf(turn(1, 1, 0), "even"), "1 of 2 is thinking, 1 waits to be shown");
  assert.equal(progressOf(turn(0, 2, 0), "even"), "2 of 2 wait to be shown");
  assert.equal(progressOf(turn(1, 2, 1), "together"), "1 of 4 is thinking, 2 are writing, 1 is done");
  assert.equal(progressOf(turn(0, 2, 0, { answer: "4" }), "even"), "As much of each is shown at any time");
  assert.equal(progressOf(turn(1, 1, 0), "live"), "");
  assert.equal(progressOf({ ...turn(0, 0, 0), progress: null }, "even"), "");
  const over = { status: "failed" };
  assert.equal(progressOf({ ...turn(0, 0, 2), responses: { A: over, B: over } }, "together"), "");
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

test("milestones tell why there is nothing to read yet", () => {
  const begun = ["A", "B", "C"].map((slot) => event("started", slot));
  assert.equal(milestone(battleAfter(...begun)), "All are at work.");
  assert.equal(
    milestone(battleAfter(...begun, waiting("A", "loading"), waiting("C", "queued"))),
    "B is at work, A is being loaded, C waits in line.",
  );
  assert.equal(
    milestone(battleAfter(...begun, waiting("B", "retrying"), waiting("C", "teleporting"), event("finished", "A"))),
    "A has finished, C is still at work, B waits for a busy server.",
  );
  assert.equal(
    milestone(battleAfter(...begun, ...["A", "B", "C"].map((s) => waiting(s, "queued")))),
    "All wait in line.",
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

test("a lost connection is explained by what is known of it", () => {
  const connection = { state: "reconnecting", failures: 1, waitMs: 400, isOffline: false };
  assert.deepEqual(connectionWords(connection), { words: "Connection lost, reconnecting…", wait: "", mayHurry: false });
  assert.match(connectionWords({ ...connection, isOffline: true }).words, /^You are offline/);
  const longer = connectionWords({ ...connection, failures: 4, waitMs: 6200 });
  assert.match(longer.words, /^The arena cannot be reached/);
  assert.deepEqual([longer.wait, longer.mayHurry], ["Next try in 7 s.", true]);
  const trying = connectionWords({ ...connection, failures: 4, waitMs: 0 });
  assert.deepEqual([trying.wait, trying.mayHurry], ["Trying…", false]);
  assert.match(connectionWords({ ...connection, state: "refused" }).words, /no longer be watched/);
});
