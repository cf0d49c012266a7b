import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEvent, emptyBattle, isAtRest, responsesOf } from "../../static/js/battle/state.js";

const begun = () => applyEvent(emptyBattle(["A", "B"]), { type: "turn", index: 0, prompt: "Why?" });
const after = (...events) => events.reduce(applyEvent, begun());
const response = (battle, slot = "A", turn = 0) => battle.turns[turn].responses[slot];

test("deltas are appended to their part, slot and turn", () => {
  const battle = after(["A", 0, "r", "Let "], ["B", 0, "a", "4"], ["A", 0, "r", "us"], ["A", 0, "a", "So"]);
  assert.deepEqual([response(battle).reasoning, response(battle).answer], ["Let us", "So"]);
  assert.equal(response(battle, "B").answer, "4");
  assert.equal(response(battle).status, "streaming");
});

test("nothing that was is changed by an event", () => {
  const battle = begun();
  const frozen = structuredClone(battle);
  for (const event of [
    ["A", 0, "r", "x"],
    { type: "turn", index: 1, prompt: "And?" },
    { type: "stopped", slot: "A", turn: 0 },
  ])
    applyEvent(battle, event);
  assert.deepEqual(battle, frozen);
});

test("a turn told twice is there once, and is not emptied", () => {
  const battle = after(["A", 0, "r", "x"], { type: "turn", index: 0, prompt: "Why?" });
  assert.equal(battle.turns.length, 1);
  assert.equal(response(battle).reasoning, "x");
});

test("a follow-up opens a pane for every slot", () => {
  const battle = after({ type: "turn", index: 1, prompt: "And?" });
  assert.deepEqual(Object.keys(battle.turns[1].responses), ["A", "B"]);
  assert.equal(response(battle, "B", 1).status, "waiting");
});

test("text of a turn that was missed opens it without a prompt, which may come later", () => {
  const battle = after({ type: "snapshot", slot: "A", turn: 1, reasoning: "r", answer: "", status: "streaming" });
  assert.equal(battle.turns[1].prompt, null);
  assert.equal(applyEvent(battle, { type: "turn", index: 1, prompt: "And?" }).turns[1].prompt, "And?");
});

test("a relabelled answer becomes reasoning", () => {
  const battle = after(["A", 0, "a", "thinking"], { type: "relabel", slot: "A", turn: 0 }, ["A", 0, "a", "42"]);
  assert.deepEqual([response(battle).reasoning, response(battle).answer], ["thinking", "42"]);
});

test("a snapshot replaces what is shown", () => {
  const battle = after(["A", 0, "r", "old"], {
    type: "snapshot",
    slot: "A",
    turn: 0,
    reasoning: "new",
    answer: "a",
    status: "finished",
  });
  assert.deepEqual(
    [response(battle).reasoning, response(battle).answer, response(battle).status],
    ["new", "a", "finished"],
  );
});

test("a failure keeps the text and tells its sentence", () => {
  const battle = after(["A", 0, "r", "so far"], {
    type: "failed",
    slot: "A",
    turn: 0,
    code: "deadline",
    message: "Took too long.",
  });
  assert.deepEqual(
    [response(battle).status, response(battle).failure, response(battle).reasoning],
    ["failed", "Took too long.", "so far"],
  );
});

test("a snapshot of a failed response keeps the sentence that the page had", () => {
  const battle = after(
    { type: "failed", slot: "A", turn: 0, code: "deadline", message: "Took too long." },
    { type: "snapshot", slot: "A", turn: 0, reasoning: "", answer: "", status: "failed" },
  );
  assert.equal(response(battle).failure, "Took too long.");
});

test("a restarted response is empty, its neighbour is not", () => {
  const battle = after(
    ["A", 0, "r", "x"],
    ["B", 0, "r", "y"],
    { type: "failed", slot: "A", turn: 0, code: "c", message: "m" },
    { type: "restarted", slot: "A", turn: 0 },
  );
  assert.deepEqual(
    [response(battle).status, response(battle).reasoning, response(battle).failure],
    ["waiting", "", ""],
  );
  assert.equal(response(battle, "B").reasoning, "y");
});

test("the reason for silence is known until the next news of its response", () => {
  const waiting = { type: "waiting", slot: "A", turn: 0, why: "loading" };
  const begun = after({ type: "started", slot: "A", turn: 0 }, waiting, ["B", 0, "r", "So"]);
  assert.deepEqual([response(begun).why, response(begun, "B").why], ["loading", ""]);
  for (const event of [
    ["A", 0, "r", "So"],
    { ...waiting, why: "" },
    { type: "started", slot: "A", turn: 0 },
    { type: "restarted", slot: "A", turn: 0 },
    { type: "finished", slot: "A", turn: 0 },
    { type: "failed", slot: "A", turn: 0, message: "" },
    { type: "stopped", slot: "A", turn: 0 },
    { type: "snapshot", slot: "A", turn: 0, reasoning: "", answer: "", status: "streaming" },
  ])
    assert.equal(response(applyEvent(begun, event)).why, "");
});

test("there is no reason for silence where there is none", () => {
  const waiting = { type: "waiting", slot: "A", turn: 0, why: "queued" };
  for (const event of [["A", 0, "a", "4"], { type: "stopped", slot: "A", turn: 0 }])
    assert.equal(response(after(event, waiting)).why, "");
});

test("a battle is at rest when every response has ended, however it did", () => {
  const battle = after({ type: "finished", slot: "A", turn: 0 });
  assert.equal(isAtRest(battle), false);
  for (const type of ["finished", "failed", "stopped"])
    assert.ok(isAtRest(applyEvent(battle, { type, slot: "B", turn: 0, message: "" })));
});

test("ballots, the reveal, a lost log and a name are noted", () => {
  const battle = after(
    { type: "ballots", count: 3 },
    { type: "revealed" },
    { type: "resync" },
    { type: "named_itself", slot: "B", turn: 0 },
  );
  assert.deepEqual(
    [battle.ballots, battle.isRevealed, battle.isStale, response(battle, "B").namedItself],
    [3, true, true, true],
  );
});

test("heartbeats, unknown events and unknown slots change nothing", () => {
  const battle = begun();
  for (const event of [
    { type: "alive" },
    { type: "later" },
    ["Z", 0, "r", "x"],
    { type: "finished", slot: "Z", turn: 0 },
  ])
    assert.equal(applyEvent(battle, event), battle);
});

test("any cut of the same events into messages gives the same battle", () => {
  const events = [
    { type: "started", slot: "A", turn: 0 },
    ["A", 0, "a", "x"],
    { type: "relabel", slot: "A", turn: 0 },
    ["A", 0, "a", "y"],
    { type: "finished", slot: "A", turn: 0 },
  ];
  const whole = events.reduce(applyEvent, begun());
  for (let cut = 0; cut <= events.length; cut += 1) {
    assert.deepEqual(events.slice(cut).reduce(applyEvent, events.slice(0, cut).reduce(applyEvent, begun())), whole);
  }
  assert.equal(responsesOf(whole).length, 2);
});

test("how far the contestants of a turn are replaces what was known of it", () => {
  const told = (thinking, writing) => ({ type: "progress", turn: 0, thinking, writing, done: 0 });
  const battle = [told(2, 0), told(1, 1)].reduce(applyEvent, emptyBattle(["A", "B"]));
  assert.deepEqual(battle.turns[0].progress, { thinking: 1, writing: 1, done: 0 });
});
