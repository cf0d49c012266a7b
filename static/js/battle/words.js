// What the page says about a battle in words.

import { ENDED } from "./state.js";

const STATES = { waiting: "Waiting for its turn", finished: "Finished", failed: "Failed", stopped: "Stopped" };

/** @param {import("./state.js").Response} response */
export function stateOf({ status, reasoning, answer }) {
  if (status !== "streaming") return STATES[status];
  if (answer) return "Answering";
  return reasoning ? "Reasoning" : "Thinking";
}

/** The same where there is little room. */
export function shortStateOf(response) {
  return response.status === "waiting" ? "Waiting" : stateOf(response);
}

/** 42 s -> "0:42", an hour -> "1:00:00". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/**
 * What has been reached in the newest turn, as one sentence: "A and B have finished, C is still at work."
 *
 * @param {import("./state.js").Battle} battle
 */
export function milestone(battle) {
  const turn = battle.turns.at(-1);
  if (!turn) return "";
  const slotsThat = (matches) => battle.slots.filter((slot) => matches(turn.responses[slot].status));
  const running = slotsThat((status) => !ENDED.has(status));
  const ended = ["finished", "failed", "stopped"].flatMap((status) => {
    const slots = slotsThat((its) => its === status);
    if (!slots.length) return [];
    if (slots.length === battle.slots.length && slots.length > 1) return [`all have ${DONE[status]}`];
    return [`${list(slots)} ${slots.length > 1 ? "have" : "has"} ${DONE[status]}`];
  });
  if (!ended.length) {
    const started = slotsThat((status) => status === "streaming");
    return started.length ? sentence([`${list(started)} ${started.length > 1 ? "are" : "is"} at work`]) : "";
  }
  if (running.length) ended.push(`${list(running)} ${running.length > 1 ? "are" : "is"} still at work`);
  return sentence(ended);
}

const DONE = { finished: "finished", failed: "failed", stopped: "been stopped" };

function list(slots) {
  return slots.length > 1 ? `${slots.slice(0, -1).join(", ")} and ${slots.at(-1)}` : slots[0];
}

function sentence(parts) {
  const text = parts.join(", ");
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

/** Counts the words of a text that grows, looking at each character once. */
export class WordCount {
  #text = "";
  #settled = 0; // offset up to which words are counted, at the end of a word
  #words = 0;

  /** @param {string} text */
  of(text) {
    if (!text.startsWith(this.#text)) [this.#settled, this.#words] = [0, 0];
    this.#text = text;
    const tail = text.slice(this.#settled);
    const lastGap = tail.search(/\s\S*$/);
    if (lastGap > 0) {
      this.#words += count(tail.slice(0, lastGap));
      this.#settled += lastGap;
    }
    return this.#words + count(text.slice(this.#settled));
  }
}

function count(text) {
  return text.match(/\S+/g)?.length ?? 0;
}
