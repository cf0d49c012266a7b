// Who paints when: every pane at most once a frame, all of them together no longer than SLICE_MS in one frame.

const SLICE_MS = 8;
const REST_FACTOR = 3; // a painter that took longer than its slice rests this many times as long

/** @typedef {(isLate: () => boolean) => boolean} Painter paints until done (true) or late (false) */

/** @type {Map<Painter, number>} painters that have something to paint, and from when on they may */
const waiting = new Map();
let isScheduled = false;

/**
 * @param {Painter} painter always the same function for the same pane
 */
export function paintSoon(painter) {
  if (!waiting.has(painter)) waiting.set(painter, restUntil.get(painter) ?? 0);
  schedule();
}

/** @param {Painter} painter */
export function paintNoMore(painter) {
  waiting.delete(painter);
}

const restUntil = new WeakMap();

function schedule() {
  if (isScheduled || !waiting.size) return;
  isScheduled = true;
  requestAnimationFrame(paintFrame);
}

function paintFrame() {
  isScheduled = false;
  const end = performance.now() + SLICE_MS;
  const isLate = () => performance.now() >= end;
  for (const [painter, from] of [...waiting]) {
    if (performance.now() < from) continue;
    const started = performance.now();
    waiting.delete(painter);
    const isDone = painter(isLate);
    const took = performance.now() - started;
    // One huge open block can't be sliced: drawing it less often leaves the page responsive.
    restUntil.set(painter, took > SLICE_MS * 1.5 ? performance.now() + took * REST_FACTOR : 0);
    if (!isDone && !waiting.has(painter)) waiting.set(painter, restUntil.get(painter)); // at the back of the queue
    if (isLate()) break;
  }
  schedule();
}
