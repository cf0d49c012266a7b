/** What every page gets: a mark that scripts run, times in the reader's own time zone, the address to reload. */

document.documentElement.dataset.scripted = "";

// A form that was refused is shown again under the address it was posted to, which cannot be opened by itself.
const { address } = document.body?.dataset ?? {};
if (address) history.replaceState(null, "", address);

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** `<time datetime="2026-11-21T08:00:00+00:00" data-local>21 Nov 2026, 08:00 UTC</time>` */
export function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.getTime())) time.textContent = MOMENT.format(moment);
  }
}

showLocalTimes(document);
