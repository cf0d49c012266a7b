// What is known of a battle, and what each event makes of it. Pure: (state, event) -> state; no DOM, no clock.

/**
 * @typedef {"waiting" | "streaming" | "finished" | "failed" | "stopped"} Status
 *
 * @typedef {object} Response
 * @property {string} slot
 * @property {number} turn
 * @property {Status} status
 * @property {string} reasoning
 * @property {string} answer
 * @property {string} why the reason for its silence before the first text; "" where none is known
 * @property {string} failure a sentence, or ""
 * @property {boolean} namedItself
 *
 * @typedef {object} Turn
 * @property {number} index
 * @property {string | null} prompt null until someone tells it
 * @property {{thinking: number, writing: number, done: number} | null} progress of a turn that is not shown live
 * @property {Record<string, Response>} responses by slot
 *
 * @typedef {object} Battle
 * @property {string[]} slots
 * @property {Turn[]} turns by index
 * @property {number | null} ballots
 * @property {boolean} isRevealed
 * @property {boolean} isStale the log no longer reaches back to our cursor: fetch, then connect without one
 */

export const ENDED = new Set(["finished", "failed", "stopped"]);

/** @returns {Battle} */
export function emptyBattle(slots) {
  return { slots, turns: [], ballots: null, isRevealed: false, isStale: false };
}

/** @returns {Response} */
export function emptyResponse(slot, turn) {
  return { slot, turn, status: "waiting", reasoning: "", answer: "", why: "", failure: "", namedItself: false };
}

/**
 * @param {Battle} battle
 * @param {object | [string, number, "r" | "a", string]} event as on the wire
 * @returns {Battle} the same object where nothing changed
 */
export function applyEvent(battle, event) {
  if (Array.isArray(event)) return applyDelta(battle, event);
  switch (event.type) {
    case "turn":
      return withTurn(battle, event.index, event.prompt);
    case "started":
      return changed(battle, event, (response) => ({ ...response, status: "streaming", why: "", failure: "" }));
    case "waiting":
      return changed(battle, event, (response) => waiting(response, event.why));
    case "relabel":
      return changed(battle, event, ({ reasoning, answer, ...response }) => ({
        ...response,
        reasoning: reasoning + answer,
        answer: "",
      }));
    case "snapshot":
      return changed(battle, event, (response) => snapshot(response, event));
    case "finished":
      return changed(battle, event, (response) => ({ ...response, status: "finished", why: "", failure: "" }));
    case "failed":
      return changed(battle, event, (response) => ({ ...response, status: "failed", why: "", failure: event.message }));
    case "stopped":
      return changed(battle, event, (response) => ({ ...response, status: "stopped", why: "" }));
    case "restarted":
      return changed(battle, event, () => emptyResponse(event.slot, event.turn));
    case "named_itself":
      return changed(battle, event, (response) => ({ ...response, namedItself: true }));
    case "progress":
      return withProgress(battle, event);
    case "ballots":
      return { ...battle, ballots: event.count };
    case "revealed":
      return { ...battle, isRevealed: true };
    case "resync":
      return { ...battle, isStale: true };
    default: // alive, and whatever later servers may say
      return battle;
  }
}

function applyDelta(battle, [slot, turn, part, text]) {
  return changed(battle, { slot, turn }, (response) => ({
    ...response,
    status: "streaming",
    why: "",
    ...(part === "r" ? { reasoning: response.reasoning + text } : { answer: response.answer + text }),
  }));
}

function waiting(response, why) {
  const isSilent = !(response.reasoning || response.answer || ENDED.has(response.status));
  return isSilent ? { ...response, why } : response;
}

function snapshot(response, { reasoning, answer, status }) {
  return { ...response, reasoning, answer, status, why: "", failure: status === "failed" ? response.failure : "" };
}

/** The turn is added once, however often it is told; its prompt is filled in where it was not known. */
function withTurn(battle, index, prompt) {
  const known = battle.turns.find((turn) => turn.index === index);
  if (known) {
    if (known.prompt !== null || prompt === null) return battle;
    return { ...battle, turns: battle.turns.map((turn) => (turn === known ? { ...turn, prompt } : turn)) };
  }
  const responses = Object.fromEntries(battle.slots.map((slot) => [slot, emptyResponse(slot, index)]));
  const turns = [...battle.turns, { index, prompt, progress: null, responses }].sort(
    (one, other) => one.index - other.index,
  );
  return { ...battle, turns };
}

function withProgress(battle, { turn: index, thinking, writing, done }) {
  const grown = withTurn(battle, index, null);
  const progress = { thinking, writing, done };
  return { ...grown, turns: grown.turns.map((turn) => (turn.index === index ? { ...turn, progress } : turn)) };
}

function changed(battle, { slot, turn: index }, change) {
  if (!battle.slots.includes(slot)) return battle;
  const grown = withTurn(battle, index, null);
  return {
    ...grown,
    turns: grown.turns.map((turn) =>
      turn.index === index ? { ...turn, responses: { ...turn.responses, [slot]: change(turn.responses[slot]) } } : turn,
    ),
  };
}

/** @param {Battle} battle */
export function responsesOf(battle) {
  return battle.turns.flatMap((turn) => battle.slots.map((slot) => turn.responses[slot]));
}

/** Whether every response of every turn has ended. */
export function isAtRest(battle) {
  return responsesOf(battle).every(({ status }) => ENDED.has(status));
}
