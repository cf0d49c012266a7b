// What the page says about a battle in words.

import { ENDED } from "./state.js";

const STATES = { waiting: "Waiting for its turn", finished: "Finished", failed: "Failed", stopped: "Stopped" };
const SILENT_AFTER_S = 10;

/** Why nothing has come yet: in the header, where there is little room, and explained to those who go on waiting. */
const REASONS = new Map([
  [
    "loading",
    { state: "Loading into memory", short: "Loading", note: "Large ones can take a minute or two to load.", afterS: 5 },
  ],
  ["queued", { state: "Waiting in line", short: "In line", note: "Its server answers others first.", afterS: 5 }],
  [
    "retrying",
    {
      state: "Server busy; asking again",
      short: "Busy",
      note: "Its server is busy, and is asked again after a pause.",
      afterS: 5,
    },
  ],
]);
const THINKING = {
  state: "Thinking",
  short: "Thinking",
  note: "Some think for minutes before their first word.",
  afterS: 15,
};
/** Where text is not shown as it comes, an empty pane says nothing of its contestant. */
const HELD_BACK = new Map([
  ["even", { state: "At work", short: "At work", note: "Its text is shown once all have begun.", afterS: 5 }],
  ["together", { state: "At work", short: "At work", note: "Its text is shown once all are done.", afterS: 5 }],
]);
const NOT_ASKED = { note: "The arena is busy. It is asked as soon as there is room.", afterS: 15 };

/** The reason as the page knows it; later servers may give others. */
export function knownReason({ why }) {
  return REASONS.has(why) ? why : "";
}

function silenceOf({ why }, pacing) {
  return HELD_BACK.get(pacing) ?? REASONS.get(why) ?? THINKING;
}

/**
 * @param {import("./state.js").Response} response
 * @param {string} pacing of the battle: live, even or together
 */
export function stateOf(response, pacing) {
  const { status, reasoning, answer } = response;
  if (status !== "streaming") return STATES[status];
  if (answer) return "Answering";
  return reasoning ? "Reasoning" : silenceOf(response, pacing).state;
}

/** The same where there is little room. */
export function shortStateOf(response, pacing) {
  const { status, reasoning, answer } = response;
  if (status === "waiting") return "Waiting";
  return status === "streaming" && !reasoning && !answer ? silenceOf(response, pacing).short : stateOf(response);
}

/**
 * What the header of a pane says: words and clock.
 *
 * @param {import("./state.js").Response} response
 * @param {Times} times
 * @typedef {{asked: number | null, heard: number | null, pacing: string}} Times seconds since it was asked for, null if
 *     that does not count any more, and since its text last grew, null while nobody listens
 */
export function headlineOf(response, { asked, heard, pacing }) {
  if (asked === null) return [stateOf(response, pacing), ""];
  const isSilent = Boolean(response.reasoning || response.answer) && heard > SILENT_AFTER_S;
  return isSilent ? ["Nothing new for", ` ${clock(heard)}`] : [stateOf(response, pacing), `, ${clock(asked)}`];
}

/**
 * What helps to wait for a first word that is long in coming, or "".
 *
 * @param {import("./state.js").Response} response
 * @param {Times} times
 */
export function patienceFor(response, { asked, pacing }) {
  if (asked === null || response.reasoning || response.answer) return "";
  const { note, afterS } = response.status === "waiting" ? NOT_ASKED : silenceOf(response, pacing);
  return asked > afterS ? `Nothing yet. ${note}` : "";
}

/**
 * How far the contestants of a turn are whose text is not shown live: how many, and never who. "" where there is no more
 * to say.
 *
 * @param {import("./state.js").Turn} turn
 * @param {string} pacing
 */
export function progressOf({ progress, responses }, pacing) {
  const isShown = Object.values(responses).some(({ reasoning, answer }) => reasoning || answer);
  const isOver = Object.values(responses).every(({ status }) => ENDED.has(status));
  if (!progress || !HELD_BACK.has(pacing) || isOver) return "";
  if (isShown) return "As much of each is shown at any time";
  const { thinking, writing, done } = progress;
  const all = thinking + writing + done;
  const held = pacing === "even" ? ["waits to be shown", "wait to be shown"] : ["is writing", "are writing"];
  const parts = [
    [thinking, "is thinking", "are thinking"],
    [writing, ...held],
    [done, "is done", "are done"],
  ].filter(([count]) => count);
  return parts
    .map(([count, one, many], place) => `${count}${place ? "" : ` of ${all}`} ${count > 1 ? many : one}`)
    .join(", ");
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
  const responses = battle.slots.map((slot) => turn.responses[slot]);
  const ended = phrases(ENDS, responses, ({ status }) => status);
  const doing = phrases(ended.length ? STILL : DOING, responses, (its) => doingOf(its, { isBegun: ended.length > 0 }));
  return ended.length || doing.length ? sentence([...ended, ...doing]) : "";
}

function doingOf(response, { isBegun }) {
  if (response.status === "streaming") return knownReason(response) || "working";
  return response.status === "waiting" && isBegun ? "working" : "";
}

const ENDS = {
  finished: ["has finished", "have finished"],
  failed: ["has failed", "have failed"],
  stopped: ["has been stopped", "have been stopped"],
};
const DOING = {
  working: ["is at work", "are at work"],
  loading: ["is being loaded", "are being loaded"],
  queued: ["waits in line", "wait in line"],
  retrying: ["waits for a busy server", "wait for a busy server"],
};
const STILL = { ...DOING, working: ["is still at work", "are still at work"] };

/** One for each kind that there is: who, and what of them. */
function phrases(verbs, responses, kindOf) {
  return Object.entries(verbs).flatMap(([kind, [one, many]]) => {
    const slots = responses.filter((response) => kindOf(response) === kind).map(({ slot }) => slot);
    if (!slots.length) return [];
    const isAll = slots.length === responses.length && slots.length > 1;
    return [`${isAll ? "all" : list(slots)} ${slots.length > 1 ? many : one}`];
  });
}

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

const FIRST_TRIES = 3;

/**
 * What the banner of a lost connection says: words that change seldom, and a wait that is counted down.
 *
 * @param {{state: string, failures: number, waitMs: number, isOffline: boolean}} connection
 * @returns {{words: string, wait: string, mayHurry: boolean}}
 */
export function connectionWords({ state, failures, waitMs, isOffline }) {
  if (state === "refused")
    return said(
      "This battle can no longer be watched from here. If it is your team's, sign in and load the page again.",
    );
  if (isOffline) return said("You are offline. This page goes on by itself once you are back.");
  if (failures < FIRST_TRIES) return said("Connection lost, reconnecting…");
  const words = "The arena cannot be reached. Nothing is lost: what has been written since will be shown.";
  const seconds = Math.ceil(waitMs / 1000);
  return { words, wait: seconds ? `Next try in ${seconds} s.` : "Trying…", mayHurry: seconds > 0 };
}

function said(words) {
  return { words, wait: "", mayHurry: false };
}
