// The one socket of a battle: it is always there, or on its way back, and goes on where it was cut.

const SILENCE_MAX_MS = 35_000; // the server says something every 15 s
const RECONNECT_MIN_MS = 400;
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
  #parts = []; // events of the messages before the one that has their cursor
  #failures = 0;
  #heardAt = 0;
  #retryTimer = 0;
  #silenceTimer = 0;
  #state = "closed";

  /**
   * @param {string} path
   * @param {object} options
   * @param {(events: unknown[]) => void} options.onEvents called with the events of each message, in order
   * @param {(state: SocketState) => void} options.onState
   */
  constructor(path, { onEvents, onState, makeSocket = (url) => new WebSocket(url), random = Math.random }) {
    this.#path = path;
    this.#onEvents = onEvents;
    this.#onState = onState;
    this.#makeSocket = makeSocket;
    this.#random = random;
  }

  get state() {
    return this.#state;
  }

  /** Connects, unless there is or soon will be a connection. */
  open() {
    if (this.#state !== "closed") return;
    document.addEventListener("visibilitychange", this.#wake);
    window.addEventListener("online", this.#wake);
    window.addEventListener("offline", this.#sleep);
    window.addEventListener("pageshow", this.#wake);
    this.#connect("connecting");
  }

  close() {
    document.removeEventListener("visibilitychange", this.#wake);
    window.removeEventListener("online", this.#wake);
    window.removeEventListener("offline", this.#sleep);
    window.removeEventListener("pageshow", this.#wake);
    this.#drop();
    this.#become("closed");
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
    const socket = this.#makeSocket(url.href);
    this.#socket = socket;
    this.#heard();
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
    this.#onEvents(events); // last: it may restart the socket
  }

  #lost(code) {
    this.#drop();
    if (code === REFUSED) {
      this.#become("refused");
      return;
    }
    this.#become("reconnecting");
    const longest = Math.min(RECONNECT_MAX_MS, RECONNECT_MIN_MS * 2 ** this.#failures);
    this.#failures += 1;
    // Jitter: a restarted server must not be met by all its browsers in the same moment.
    this.#retryTimer = setTimeout(() => this.#connect("reconnecting"), longest * (0.5 + this.#random() / 2));
  }

  #heard() {
    this.#heardAt = Date.now();
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#lost(0), SILENCE_MAX_MS);
  }

  /** The page is looked at again, or the network is back: timers may have slept, so look at once. */
  #wake = () => {
    if (document.visibilityState === "hidden") return;
    const isDead = this.#socket && Date.now() - this.#heardAt > SILENCE_MAX_MS;
    if (isDead || (!this.#socket && this.#state === "reconnecting")) this.#connect("reconnecting");
  };

  /** A browser may keep a socket open that no longer gets anything. Retries go on: an arena on this machine answers. */
  #sleep = () => {
    if (this.#socket) this.#lost(0);
  };

  #drop() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
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

function parse(data) {
  try {
    const message = JSON.parse(data);
    return Array.isArray(message?.e) ? message : null;
  } catch {
    return null;
  }
}
