// The one socket of a battle: it is always there, or on its way back, and goes on where it was cut.

const SILENCE_MAX_MS = 35_000; // the server says something every 15 s
const SIGN_LATE_MS = 20_000; // enough to doubt a connection after a sleep: coming back costs little
const CHECK_EVERY_MS = 5000;
const SLEPT_AFTER_MS = 15_000; // a check that comes so late was held up by a sleep
const RECONNECT_MIN_MS = 400;
const RECONNECT_AT_EASE_MS = 6000;
const RECONNECT_MAX_MS = 15_000;
const REFUSED = 4404;

/**
 * @typedef {"connecting" | "open" | "reconnecting" | "closed" | "refused"} SocketState
 */

/**
 * Reads a battle's events and comes back with the last cursor whenever the connection is lost.
 *
 *     const socket = new BattleSocket("/ws/battles/ID/", { onEvents: paint, onState: showBanner });
 *     socket.open();
 */
export class BattleSocket {
  #path;
  #onEvents;
  #onState;
  #makeSocket;
  #random;
  #socket = null;
  #cursor = "";
  #isUrgent;
  #shown;
  #parts = []; // events of the messages before the one that has their cursor
  #failures = 0;
  #heardAt = 0;
  #checkedAt = 0;
  #retryAt = 0;
  #retryTimer = 0;
  #checkTimer = 0;
  #state = "closed";

  /**
   * @param {string} path
   * @param {object} options
   * @param {string} [options.shown] the edition of what the page shows already, for a socket without a cursor
   * @param {(events: unknown[]) => void} options.onEvents called with the events of each message, in order
   * @param {(state: SocketState) => void} options.onState
   * @param {() => boolean} [options.isUrgent] whether something is missed while there is no connection; where nothing
   *   is, others are let in first
   */
  constructor(
    path,
    { shown = "", onEvents, onState, isUrgent = () => true, makeSocket = toServer, random = Math.random },
  ) {
    this.#path = path;
    this.#shown = shown;
    this.#isUrgent = isUrgent;
    this.#onEvents = onEvents;
    this.#onState = onState;
    this.#makeSocket = makeSocket;
    this.#random = random;
  }

  get state() {
    return this.#state;
  }

  /** How often in a row it could not connect, or was cut off before anything was said. */
  get failures() {
    return this.#failures;
  }

  /** How long until it tries again by itself; 0 while it is trying. */
  get waitMs() {
    return this.#socket ? 0 : Math.max(0, this.#retryAt - Date.now());
  }

  /** Connects, unless there is or soon will be a connection. */
  open() {
    if (this.#state !== "closed") return;
    this.#listen((target, type, listener) => target.addEventListener(type, listener));
    this.#connect("connecting");
  }

  close() {
    this.#listen((target, type, listener) => target.removeEventListener(type, listener));
    this.#drop();
    this.#become("closed");
  }

  /** Does not wait for the next try. */
  hurry() {
    if (!this.#socket && this.#state === "reconnecting") this.#connect("reconnecting");
  }

  #listen(change) {
    change(document, "visibilitychange", this.#wake);
    change(document, "resume", this.#wake);
    change(window, "pageshow", this.#wake);
    change(window, "focus", this.#wake);
    change(window, "online", this.#wake);
    change(window, "offline", this.#sleep);
    change(document, "freeze", this.#pause);
    change(window, "pagehide", this.#pause);
  }

  /** Begins anew, without a cursor: the server then says what there is. */
  restart() {
    if (this.#state === "closed" || this.#state === "refused") return;
    this.#cursor = "";
    this.#connect("reconnecting");
  }

  #connect(state) {
    this.#drop();
    this.#become(state);
    const url = new URL(this.#path, window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (this.#cursor) url.searchParams.set("cursor", this.#cursor);
    else if (this.#shown) url.searchParams.set("shown", this.#shown);
    const socket = this.#makeSocket(url.href);
    this.#socket = socket;
    this.#heard();
    this.#check();
    // A socket that was replaced may still speak: only the present one is listened to.
    socket.onopen = () => socket === this.#socket && this.#heard();
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data);
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
  }

  #receive(data) {
    const message = parse(data);
    if (!message) {
      this.#lost(0);
      return;
    }
    this.#heard();
    this.#failures = 0;
    this.#become("open");
    const events = [...this.#parts, ...message.e];
    if (!message.c) {
      this.#parts = events; // a part: what it belongs to is shown as a whole, and until then we are where we were
      return;
    }
    this.#parts = [];
    this.#cursor = message.c;
    this.#shown = ""; // from here on the page shows more, or something else
    this.#onEvents(events); // last: it may restart the socket
  }

  #lost(code) {
    this.#drop();
    if (code === REFUSED) {
      this.#become("refused");
      return;
    }
    this.#become("reconnecting");
    const shortest = this.#isUrgent() ? RECONNECT_MIN_MS : RECONNECT_AT_EASE_MS;
    const longest = Math.min(RECONNECT_MAX_MS, shortest * 2 ** this.#failures);
    this.#failures += 1;
    // Jitter: a restarted server must not be met by all its browsers in the same moment.
    const wait = longest * (0.5 + this.#random() / 2);
    this.#retryAt = Date.now() + wait;
    this.#retryTimer = setTimeout(() => this.#connect("reconnecting"), wait);
  }

  #heard() {
    this.#heardAt = Date.now();
  }

  /** Timers stand still while a computer sleeps, the clock goes on: that tells a sleep from a silence. */
  #check() {
    const now = Date.now();
    const hasSlept = this.#checkedAt > 0 && now - this.#checkedAt >= SLEPT_AFTER_MS;
    this.#checkedAt = now;
    clearTimeout(this.#checkTimer);
    this.#checkTimer = setTimeout(() => this.#check(), CHECK_EVERY_MS);
    if (hasSlept) this.#doubt();
    else if (this.#silentMs() >= SILENCE_MAX_MS) this.#lost(0);
  }

  /** For how long nothing was heard; a clock that was set back makes it begin anew. */
  #silentMs() {
    const silent = Date.now() - this.#heardAt;
    if (silent < 0) this.#heard();
    return Math.max(0, silent);
  }

  #doubt() {
    if (this.#socket && this.#silentMs() >= SIGN_LATE_MS) this.#connect("reconnecting");
  }

  /** The page is looked at again, or the network is back: timers may have slept, so look at once. */
  #wake = () => {
    if (document.visibilityState === "hidden") return;
    this.#doubt();
    this.hurry();
  };

  /** A browser may keep a socket open that no longer gets anything. Retries go on: an arena on this machine answers. */
  #sleep = () => {
    if (this.#socket) this.#lost(0);
  };

  /** A page that is kept aside reads nothing, and with an open socket it would not be kept: it comes back by itself. */
  #pause = () => {
    if (this.#state === "refused") return;
    this.#drop();
    this.#become("reconnecting");
  };

  #drop() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#checkTimer);
    this.#checkedAt = 0;
    const socket = this.#socket;
    this.#socket = null;
    this.#parts = [];
    socket?.close();
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#onState(state);
  }
}

function toServer(url) {
  return new WebSocket(url);
}

function parse(data) {
  try {
    const message = JSON.parse(data);
    return Array.isArray(message?.e) ? message : null;
  } catch {
    return null;
  }
}
