const SWITCH = "arena.ballot-keys";

// Storage may be blocked: the switch then lasts as long as the page.
let on = true;
try {
  on = localStorage.getItem(SWITCH) !== "off";
} catch {
  // as above
}

/** Do single keys judge? Off is remembered in this browser (WCAG 2.1.4). */
export function areKeysOn() {
  return on;
}

/** @param {boolean} wanted */
export function switchKeys(wanted) {
  on = wanted;
  try {
    localStorage.setItem(SWITCH, wanted ? "on" : "off");
  } catch {
    // as above
  }
}
