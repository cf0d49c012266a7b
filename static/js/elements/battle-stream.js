// <battle-stream>: owns a battle's socket and state, and tells the panes what to show.

import { applyEvent, ENDED, emptyBattle, isAtRest } from "../battle/state.js";
import { clock, connectionWords, milestone, progressOf } from "../battle/words.js";
import { DocumentView } from "../lib/document-view.js";
import { fetchPage, NOT_REACHED, refusalOf, showRefusal, swapFragments } from "../lib/page.js";
import { BattleSocket } from "../lib/socket.js";

const MILESTONE_EVERY_MS = 8000;
const REFRESH_AFTER_MS = 150;
const REFRESH_SPREAD_MS = 600; // twenty tabs of a team must not all ask in the same moment
const REFRESH_RETRIES_MS = [400, 800, 1600, 3200];
const LOST_AFTER_MS = 700; // a connection that is back sooner is not worth a banner
const LOST_AT_REST_AFTER_MS = 10_000; // nor one on which nothing is missed: it may take its time

/**
 * Wraps the turns of a battle (templates/battles/_turn.html) after templates/battles/_live.html:
 *
 *     <battle-stream data-socket="/ws/battles/ID/" data-battle="/battles/ID/" data-status="running">…</battle-stream>
 *
 * `data-pacing` tells how text is shown (live, even, together). `data-edition` names what a page shows whose responses have all ended, so that the socket need not tell it again.
 * Once all responses have ended, and when ballots or the reveal are announced, the page is fetched again and the
 * elements marked `data-swap` are exchanged. Forms that ask on, stop or retry are sent without leaving the page.
 */
export class BattleStream extends HTMLElement {
  #battle = null;
  #shown = new Map(); // what each pane was last told
  #askedAt = new Map(); // by pane id, on this browser's clock, of which only differences are used
  #heardAt = new Map();
  #isCut = false; // without a connection nothing is heard of anybody
  #socket = null;
  #listening = null;
  #ticker = 0;
  #refreshTimer = 0;
  #refreshDue = 0; // when it will ring; 0: not at all
  #milestoneTimer = 0;
  #milestoneAt = 0;
  #milestone = "";
  #bannerTimer = 0;

  connectedCallback() {
    this.#listening = new AbortController();
    document.addEventListener("submit", (event) => this.#submitted(event), { signal: this.#listening.signal });
    this.#battle = this.#read();
    this.#milestone = milestone(this.#battle);
    this.#render();
    this.#socket = new BattleSocket(this.dataset.socket, {
      shown: this.dataset.edition,
      onEvents: (events) => this.#receive(events),
      onState: (state) => this.#showConnection(state),
      isUrgent: () => !isAtRest(this.#battle),
    });
    const hurry = this.querySelector('[data-part="connection-hurry"]');
    hurry?.addEventListener("click", () => this.#socket.hurry(), { signal: this.#listening.signal });
    if (this.dataset.status !== "revealed") this.#socket.open();
    this.#ticker = setInterval(() => this.#tick(), 1000);
  }

  disconnectedCallback() {
    this.#listening.abort();
    this.#socket.close();
    clearInterval(this.#ticker);
    for (const timer of [this.#refreshTimer, this.#milestoneTimer, this.#bannerTimer]) clearTimeout(timer);
  }

  /** The battle as the server rendered it. */
  #read() {
    const sections = [...this.querySelectorAll(".turn[data-turn]")];
    const panes = [...this.querySelectorAll("response-pane")];
    const slots = [...new Set(panes.map((pane) => pane.dataset.slot))].sort();
    const battle = sections.reduce((known, section) => applyEvent(known, turnEvent(section)), emptyBattle(slots));
    for (const section of sections) this.#paintPrompt(section, turnEvent(section).prompt);
    this.#setClocks(panes);
    for (const pane of panes)
      battle.turns.find(({ index }) => index === pane.response.turn).responses[pane.response.slot] = pane.response;
    return battle;
  }

  #receive(events) {
    const before = this.#battle;
    for (const { type, turn, slot } of events) if (type === "restarted") this.#setClock(`turn-${turn}-${slot}`);
    this.#battle = events.reduce(applyEvent, before);
    this.#render();
    this.#announce();
    if (this.#battle.isStale) {
      this.#battle = { ...this.#battle, isStale: false };
      this.#refresh();
      this.#socket.restart();
    }
    const hasEnded = isAtRest(this.#battle) && !isAtRest(before);
    const hasNews = before.ballots !== this.#battle.ballots || before.isRevealed !== this.#battle.isRevealed;
    const hasGap = this.#battle.turns.some(({ prompt }) => prompt === null);
    const goesOn = isAtRest(before) && !isAtRest(this.#battle);
    if (hasEnded || (this.dataset.status === "running" && isAtRest(this.#battle))) this.#refreshSoon(REFRESH_AFTER_MS);
    else if (hasNews || hasGap || goesOn) this.#refreshSoon(REFRESH_AFTER_MS + Math.random() * REFRESH_SPREAD_MS);
  }

  #render() {
    const latest = this.#battle.turns.at(-1);
    for (const turn of this.#battle.turns) {
      const section = this.#sectionOf(turn);
      const isLatest = turn === latest;
      let isChanged = false;
      for (const response of Object.values(turn.responses)) {
        const pane = section.querySelector(`response-pane[data-slot="${response.slot}"]`);
        const shown = this.#shown.get(pane);
        if (shown?.response === response && shown.isLatest === isLatest) continue;
        this.#shown.set(pane, { response, isLatest });
        this.#listen(pane, shown?.response, response);
        pane.show(response, { isLatest });
        pane.tell(this.#timesOf(pane, response));
        isChanged = true;
      }
      if (isChanged) section.querySelector("turn-tabs")?.show(turn.responses, this.dataset.pacing);
      this.#showProgress(section, turn);
    }
    this.toggleAttribute("data-busy", !isAtRest(this.#battle));
  }

  /** The words change seldom, which is when they are read out; the clock is only shown. */
  #showProgress(section, turn) {
    const line = section.querySelector('[data-part="progress"]');
    if (!line) return;
    const words = progressOf(turn, this.dataset.pacing);
    line.hidden = !words;
    setText(line.querySelector('[data-part="progress-words"]'), words);
    const asked = words && this.#askedAt.get(section.querySelector("response-pane")?.id);
    setText(line.querySelector('[data-part="progress-clock"]'), asked ? `, ${clock(secondsSince(asked))}` : "");
  }

  #sectionOf({ index, prompt }) {
    const present = this.querySelector(`.turn[data-turn="${index}"]`);
    const section = present ?? this.#addSection(index);
    if (prompt !== null && section.dataset.prompt !== "shown") this.#paintPrompt(section, prompt);
    return section;
  }

  /** The panes of a turn to come are rendered by the server, in a template, under the number of the next turn. */
  #addSection(index) {
    const template = this.querySelector('template[data-part="turn-template"]');
    const section = document.importNode(template.content, true).querySelector(".turn");
    const planned = section.dataset.turn;
    for (const element of [section, ...section.querySelectorAll("*")]) {
      for (const { name, value } of [...element.attributes]) {
        if (value.includes(`turn-${planned}`))
          element.setAttribute(name, value.replaceAll(`turn-${planned}`, `turn-${index}`));
      }
      if (element.dataset.turn === planned) element.dataset.turn = String(index);
    }
    section.querySelector(".turn__title").textContent = `Follow-up ${index}`;
    const last = [...this.querySelectorAll(".turn[data-turn]")].findLast((turn) => Number(turn.dataset.turn) < index);
    if (last) last.after(section);
    else this.append(section);
    if (this.#isWatched(last)) section.scrollIntoView({ block: "start" });
    return section;
  }

  /** Whether the reader is at the foot of a turn, or further down. */
  #isWatched(section) {
    return Boolean(section) && section.getBoundingClientRect().bottom < window.innerHeight * 1.25;
  }

  #paintPrompt(section, prompt) {
    const element = section.querySelector('[data-part="prompt"]');
    section.dataset.prompt = "shown";
    new DocumentView(element, { plainly: true }).show(prompt);
  }

  #showConnection(state) {
    clearTimeout(this.#bannerTimer);
    this.#isCut = state === "reconnecting" || state === "refused";
    const banner = this.querySelector('[data-part="connection"]');
    if (!banner) return;
    const delay = isAtRest(this.#battle) ? LOST_AT_REST_AFTER_MS : LOST_AFTER_MS;
    if (!this.#isCut) banner.hidden = true;
    else this.#bannerTimer = setTimeout(() => this.#showBanner(banner), state === "refused" ? 0 : delay);
  }

  #showBanner(banner) {
    banner.hidden = false;
    this.#fillBanner(banner);
  }

  /** Once a second: the words change seldom, which is when they are read out; the seconds are only shown. */
  #fillBanner(banner) {
    const { state, failures, waitMs } = this.#socket;
    const { words, wait, mayHurry } = connectionWords({
      state,
      failures,
      waitMs,
      isOffline: navigator.onLine === false,
    });
    setText(banner.querySelector('[data-part="connection-words"]'), words);
    setText(banner.querySelector('[data-part="connection-wait"]'), wait);
    banner.querySelector('[data-part="connection-hurry"]').hidden = !mayHurry;
  }

  /** Panes are no live regions: one polite line tells what was reached, at most every 8 s. */
  #announce() {
    clearTimeout(this.#milestoneTimer);
    const text = milestone(this.#battle);
    if (!text || text === this.#milestone) return;
    const wait = this.#milestoneAt + MILESTONE_EVERY_MS - Date.now();
    if (wait > 0) {
      this.#milestoneTimer = setTimeout(() => this.#announce(), wait);
      return;
    }
    this.#milestone = text;
    this.#milestoneAt = Date.now();
    const line = this.querySelector('[data-part="milestone"]');
    if (line) line.textContent = text;
  }

  // --- The clocks of each running response, which one timer for the whole page moves on -----------------------------
  // The server says how long ago it was asked, the browser counts on; when its text last grew only the browser knows.

  #tick() {
    const banner = this.#isCut && this.querySelector('[data-part="connection"]:not([hidden])');
    if (banner) this.#fillBanner(banner);
    for (const [pane, { response }] of this.#shown) pane.tell(this.#timesOf(pane, response));
    const latest = this.#battle.turns.at(-1);
    if (latest?.progress) this.#showProgress(this.#sectionOf(latest), latest);
  }

  #setClock(id, elapsed = 0) {
    this.#askedAt.set(id, Date.now() - elapsed * 1000);
  }

  #setClocks(panes) {
    for (const { id, dataset } of panes) if (dataset.elapsed) this.#setClock(id, Number(dataset.elapsed));
  }

  #listen({ id }, before, { reasoning, answer }) {
    if (before?.reasoning !== reasoning || before?.answer !== answer) this.#heardAt.set(id, Date.now());
  }

  #timesOf({ id }, { status }) {
    const { pacing } = this.dataset;
    if (ENDED.has(status)) return { asked: null, heard: null, pacing };
    if (!this.#askedAt.has(id)) this.#setClock(id);
    return {
      asked: secondsSince(this.#askedAt.get(id)),
      heard: this.#isCut ? null : secondsSince(this.#heardAt.get(id)),
      pacing,
    };
  }

  // --- Parts of the page that the server renders --------------------------------------------------------------------

  /** News that keep coming must not put it off. */
  #refreshSoon(delay, attempt = 0) {
    const due = Date.now() + delay;
    if (this.#refreshDue && this.#refreshDue <= due) return;
    clearTimeout(this.#refreshTimer);
    this.#refreshDue = due;
    this.#refreshTimer = setTimeout(() => {
      this.#refreshDue = 0;
      this.#refresh(attempt);
    }, delay);
  }

  /** Fetches the page; while it still says "running" although all has ended, once more. */
  async #refresh(attempt = 0) {
    const page = await this.#fetchedPage();
    if (!this.isConnected) return;
    if (page) this.#adopt(page);
    const isBehind = !page || (this.dataset.status === "running" && isAtRest(this.#battle));
    if (!isBehind || attempt >= REFRESH_RETRIES_MS.length) return;
    this.#refreshSoon(REFRESH_RETRIES_MS[attempt], attempt + 1);
  }

  async #fetchedPage() {
    try {
      const { page, isOk } = await fetchPage(this.dataset.battle);
      return isOk ? page : null;
    } catch {
      return null;
    }
  }

  #adopt(page) {
    const fresh = page.querySelector("battle-stream");
    if (!fresh) return;
    swapFragments(page);
    this.#setClocks(fresh.querySelectorAll(".turn[data-turn] response-pane"));
    this.dataset.status = fresh.dataset.status;
    const turns = [...fresh.querySelectorAll(".turn[data-turn]")].map(turnEvent);
    this.#battle = turns.reduce(applyEvent, this.#battle);
    this.#render();
    if (this.dataset.status === "running") this.#socket.open();
  }

  // --- Forms ----------------------------------------------------------------------------------------------------------

  async #submitted(event) {
    const form = event.target;
    if (event.defaultPrevented || !this.#isOurs(form)) return;
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    form.setAttribute("aria-busy", "true");
    const refusal = await this.#send(form, event.submitter);
    form.removeAttribute("aria-busy");
    showRefusal(form, refusal);
  }

  /** @returns {Promise<string>} the sentence with which the server refused, or "" */
  async #send(form, submitter) {
    try {
      const { page, isOk } = await fetchPage(form.action, { method: "POST", body: new FormData(form, submitter) });
      if (!isOk) return refusalOf(page);
      form.reset(); // it is sent: nobody is filling it in any more
      if (form.contains(document.activeElement)) document.activeElement.blur();
      this.#adopt(page);
      return "";
    } catch {
      return NOT_REACHED;
    }
  }

  #isOurs(form) {
    const { pathname } = new URL(form.getAttribute("action") ?? "", window.location.href);
    if (!pathname.startsWith(this.dataset.battle)) return false;
    return /^(?:turns|stop|responses\/[A-Z]\/retry)\/$/.test(pathname.slice(this.dataset.battle.length));
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function secondsSince(moment) {
  return (Date.now() - moment) / 1000;
}

function turnEvent(section) {
  const prompt = section.querySelector('[data-part="prompt"]').textContent;
  return { type: "turn", index: Number(section.dataset.turn), prompt };
}

customElements.define("battle-stream", BattleStream);
