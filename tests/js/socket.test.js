import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import "./dom.js";

const { BattleSocket } = await import("../../static/js/lib/socket.js");

class FakeSocket {
  static made = [];
  isClosed = false;
  constructor(url) {
    this.url = new URL(url);
    FakeSocket.made.push(this);
  }
  close() {
    this.isClosed = true;
  }
  says(cursor, ...events) {
    this.onmessage({ data: JSON.stringify({ c: cursor, e: events }) });
  }
}

let events;
let states;
let present;
const latest = () => FakeSocket.made.at(-1);
const living = () => FakeSocket.made.filter((socket) => !socket.isClosed).length;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  FakeSocket.made = [];
  events = [];
  states = [];
});

afterEach(() => {
  present.close();
  mock.timers.reset();
});

function opened(random = () => 1, options = {}) {
  const socket = new BattleSocket("/ws/battles/1/", {
    ...options,
    onEvents: (some) => events.push(...some),
    onState: (state) => states.push(state),
    makeSocket: (url) => new FakeSocket(url),
    random,
  });
  present = socket;
  socket.open();
  return socket;
}

test("the first connection has no cursor, the next one the last that was applied", () => {
  opened();
  assert.equal(latest().url.href, "ws://arena.test/ws/battles/1/");
  latest().says("5-1", ["A", 0, "r", "x"]);
  latest().says("5-2", ["A", 0, "r", "y"]);
  latest().onclose({ code: 1006 });
  mock.timers.tick(400);
  assert.equal(latest().url.searchParams.get("cursor"), "5-2");
  assert.deepEqual(events, [
    ["A", 0, "r", "x"],
    ["A", 0, "r", "y"],
  ]);
  assert.deepEqual(states, ["connecting", "open", "reconnecting"]);
});

test("waits grow, within bounds, until a message arrives", () => {
  opened();
  const waits = [];
  for (let attempt = 0; attempt < 9; attempt += 1) {
    latest().onclose({ code: 1006 });
    const before = FakeSocket.made.length;
    let waited = 0;
    while (FakeSocket.made.length === before) {
      mock.timers.tick(100);
      waited += 100;
    }
    waits.push(waited);
  }
  assert.deepEqual(waits, [400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000, 15_000]);
  latest().says("1-1");
  latest().onclose({ code: 1006 });
  const before = FakeSocket.made.length;
  mock.timers.tick(400);
  assert.equal(FakeSocket.made.length, before + 1);
});

test("jitter halves a wait at most", () => {
  opened(() => 0);
  latest().onclose({ code: 1006 });
  mock.timers.tick(199);
  assert.equal(FakeSocket.made.length, 1);
  mock.timers.tick(1);
  assert.equal(FakeSocket.made.length, 2);
});

test("a silent connection is given up after 35 s, a beating one is not", () => {
  opened();
  for (let beat = 0; beat < 5; beat += 1) {
    mock.timers.tick(15_000);
    latest().says("1-1", { type: "alive" });
  }
  assert.equal(FakeSocket.made.length, 1);
  mock.timers.tick(35_000);
  assert.equal(states.at(-1), "reconnecting");
  assert.ok(FakeSocket.made[0].isClosed);
  mock.timers.tick(400);
  assert.equal(FakeSocket.made.length, 2);
});

test("a network that is back is used at once, and never by two sockets", () => {
  const socket = opened();
  latest().onclose({ code: 1006 });
  window.dispatchEvent(new window.Event("online"));
  assert.equal(FakeSocket.made.length, 2);
  window.dispatchEvent(new window.Event("online"));
  document.dispatchEvent(new window.Event("visibilitychange"));
  socket.open();
  mock.timers.tick(20_000);
  assert.equal(FakeSocket.made.length, 2);
  assert.ok(living() <= 1 || FakeSocket.made[0].isClosed);
});

test("what a replaced socket still says is not heard", () => {
  opened();
  const old = latest();
  old.says("1-1", "first");
  mock.timers.tick(36_000);
  mock.timers.tick(400);
  old.says("1-2", "late");
  old.onclose({ code: 1006 });
  assert.deepEqual(events, ["first"]);
  assert.equal(FakeSocket.made.length, 2);
});

test("a battle that may not be seen is not asked for again", () => {
  opened();
  latest().onclose({ code: 4404 });
  mock.timers.tick(60_000);
  window.dispatchEvent(new window.Event("online"));
  assert.equal(FakeSocket.made.length, 1);
  assert.equal(states.at(-1), "refused");
});

test("a restart asks without a cursor", () => {
  const socket = opened();
  latest().says("1-1");
  socket.restart();
  assert.equal(latest().url.searchParams.get("cursor"), null);
  assert.equal(living(), 1);
});

test("a message that can't be read is asked for again", () => {
  opened();
  latest().says("1-1", "x");
  latest().onmessage({ data: "{" });
  mock.timers.tick(400);
  assert.equal(latest().url.searchParams.get("cursor"), "1-1");
});

test("a closed socket leaves nothing behind", () => {
  const socket = opened();
  socket.close();
  assert.equal(living(), 0);
  window.dispatchEvent(new window.Event("online"));
  mock.timers.tick(100_000);
  assert.equal(FakeSocket.made.length, 1);
});

test("a browser that goes offline gives its socket up at once, and comes back with its cursor", () => {
  opened();
  latest().says("5-1");
  window.dispatchEvent(new window.Event("offline"));
  assert.equal(living(), 0);
  assert.equal(states.at(-1), "reconnecting");
  window.dispatchEvent(new window.Event("online"));
  assert.equal(living(), 1);
  assert.equal(latest().url.searchParams.get("cursor"), "5-1");
});

test("a page on which nothing is missed lets others come back first", () => {
  opened(() => 0, { isUrgent: () => false });
  latest().says("5-1");
  latest().onclose({ code: 1012 });
  mock.timers.tick(2999);
  assert.equal(FakeSocket.made.length, 1);
  mock.timers.tick(1);
  assert.equal(FakeSocket.made.length, 2);
});

test("how long it waits can be shown, and need not be waited for", () => {
  const socket = opened();
  latest().onclose({ code: 1006 });
  latest().onclose({ code: 1006 });
  mock.timers.tick(100);
  assert.equal(socket.waitMs, 300);
  socket.hurry();
  assert.equal(FakeSocket.made.length, 2);
  assert.equal(socket.waitMs, 0);
  socket.hurry();
  assert.equal(FakeSocket.made.length, 2);
});

test("after a sleep the connection is doubted at the first check", () => {
  opened();
  latest().says("5-1");
  mock.timers.tick(10_000);
  const now = Date.now() + 3_600_000;
  mock.method(Date, "now", () => now);
  mock.timers.tick(5000);
  mock.restoreAll();
  assert.equal(FakeSocket.made.length, 2);
  assert.equal(latest().url.searchParams.get("cursor"), "5-1");
});

for (const [target, type] of [
  ["window", "focus"],
  ["window", "pageshow"],
  ["window", "online"],
  ["document", "visibilitychange"],
  ["document", "resume"],
])
  test(`${type} has an old connection replaced at once, and a fresh one kept`, () => {
    const wake = () => globalThis[target].dispatchEvent(new window.Event(type));
    opened();
    latest().says("5-1");
    mock.timers.tick(19_000);
    wake();
    assert.equal(FakeSocket.made.length, 1);
    mock.timers.tick(1000);
    wake();
    assert.equal(FakeSocket.made.length, 2);
    assert.equal(living(), 1);
  });

test("a page kept aside has no socket, and comes back with its cursor", () => {
  opened();
  latest().says("5-1");
  window.dispatchEvent(new window.Event("pagehide"));
  assert.equal(living(), 0);
  mock.timers.tick(100_000);
  assert.equal(FakeSocket.made.length, 1);
  window.dispatchEvent(new window.Event("pageshow"));
  assert.equal(living(), 1);
  assert.equal(latest().url.searchParams.get("cursor"), "5-1");
});

test("a clock that is set back is no silence, and no reason to wait for it", () => {
  opened();
  latest().says("5-1");
  const now = Date.now() - 3_600_000;
  mock.method(Date, "now", () => now);
  mock.timers.tick(5000);
  mock.restoreAll();
  assert.equal(FakeSocket.made.length, 1);
});

test("what comes in parts is handed on as a whole, and given up with the connection", () => {
  opened();
  latest().says("5-1", ["A", 0, "r", "x"]);
  latest().says("", ["A", 0, "r", "part "]);
  latest().says("", ["A", 0, "r", "and part "]);
  assert.equal(events.length, 1);
  latest().onclose({ code: 1006 });
  mock.timers.tick(400);
  assert.equal(latest().url.searchParams.get("cursor"), "5-1");
  latest().says("", ["A", 0, "r", "one, "]);
  latest().says("5-9", ["A", 0, "r", "two"]);
  assert.deepEqual(events.slice(1), [
    ["A", 0, "r", "one, "],
    ["A", 0, "r", "two"],
  ]);
});

test("a page that shows all there is says so until it has been told more", () => {
  present = new BattleSocket("/ws/battles/1/", {
    shown: "edition",
    onEvents: () => {},
    onState: () => {},
    makeSocket: (url) => new FakeSocket(url),
    random: () => 1,
  });
  present.open();
  assert.equal(latest().url.search, "?shown=edition");
  latest().onclose({ code: 1006 });
  mock.timers.tick(400);
  assert.equal(latest().url.search, "?shown=edition");
  latest().says("5-1", { type: "alive" });
  latest().onclose({ code: 1006 });
  mock.timers.tick(400);
  assert.equal(latest().url.search, "?cursor=5-1");
  present.restart();
  assert.equal(latest().url.search, "");
});
