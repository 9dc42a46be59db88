// Keeps a screen up to date: an event says that there is more, and the page takes the figures of itself anew. What a
// screen did not wait for comes so, too.
"use strict";

const GAP_MS = 2000; // at least, between two of them
const SOON_MS = 250; // until the first look for what is late; then each time twice as long
const LONGEST_GAP_MS = 64 * GAP_MS; // beyond it, what fails is left to whoever loads the page again
const SHARE = 4; // so many times as long as the last one took is the gap: the database has others to answer
const choice = document.querySelector("#live");
let main = document.querySelector("main");
let events = null;
let isAsking = false;
let isBehind = "behind" in main.dataset; // an event told of more, or a part is shown as it was before the last one
let shown = ""; // as it came: the clock of a pipeline moves every second, and mostly there is nothing new to show

function folded() {
  return [...main.querySelectorAll("details")];
}

function reachable() {
  return [...main.querySelectorAll("a, summary, button, input, select, [tabindex]")];
}

// What is unfolded, focused or scrolled stays so, and so does a form in which something may be chosen already.
function take(fresh) {
  const open = folded().map((one) => one.open);
  const focused = reachable().indexOf(document.activeElement);
  const scrolled = [...main.querySelectorAll(".wide")].map((one) => one.scrollLeft);
  const forms = [...main.querySelectorAll("form")];
  fresh.querySelectorAll("form").forEach((one, place) => forms[place] && one.replaceWith(forms[place]));
  main.replaceWith(fresh);
  main = fresh;
  folded().forEach((one, place) => { one.open = open[place] ?? false; });
  main.querySelectorAll(".wide").forEach((one, place) => { one.scrollLeft = scrolled[place] ?? 0; });
  reachable()[focused]?.focus({ preventScroll: true });
}

// The screen as it is now; null where it cannot be had.
async function asked() {
  const answer = await fetch(location.href).catch(() => null);
  if (answer?.redirected) location.reload();
  const text = answer?.ok ? await answer.text().catch(() => null) : null; // it may be cut off
  return text === null ? null : new DOMParser().parseFromString(text, "text/html").querySelector("main");
}

function pause(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

// What fails each time is asked for a few times, later and later: it may be the database's load that makes it fail.
// Whoever renews the screen meanwhile has what is newer: what was asked before that is thrown away.
async function complete() {
  let gap = SOON_MS;
  while ("late" in main.dataset && gap < LONGEST_GAP_MS) {
    await pause(gap);
    if (document.hidden) continue;
    const before = main;
    const fresh = await asked();
    gap = fresh === null ? 2 * gap : Math.min(2 * gap, GAP_MS);
    if (fresh === null || main !== before) continue; // what is shown by now may be newer
    isBehind ||= "behind" in fresh.dataset;
    take(fresh);
  }
  if (isBehind) renew();
}

async function renew() {
  if (isAsking || document.hidden) return;
  isAsking = true;
  let gap = GAP_MS;
  while (isBehind && events) {
    isBehind = false;
    const began = performance.now();
    const fresh = await asked();
    gap = fresh === null ? Math.min(2 * gap, LONGEST_GAP_MS) : GAP_MS;
    if (fresh === null) {
      isBehind = true;
    } else if ("late" in fresh.dataset && !("late" in main.dataset)) {
      isBehind = true; // what is shown is whole: it stays until all of the new is there
    } else if (events) {
      isBehind ||= "behind" in fresh.dataset;
      if (fresh.innerHTML !== shown) {
        shown = fresh.innerHTML;
        take(fresh);
      }
    }
    const took = performance.now() - began;
    await pause(Math.max(gap, SHARE * took));
  }
  isAsking = false;
}

function listen() {
  events?.close();
  events = null;
  if (!choice.checked) return;
  events = new EventSource(`/live?mark=${encodeURIComponent(main.dataset.mark)}`);
  events.addEventListener("moved", () => {
    isBehind = true;
    renew();
  });
  events.addEventListener("error", () => {
    // It comes back by itself unless it was turned away: then the screen stands still, and says so.
    if (events?.readyState === EventSource.CLOSED) {
      choice.checked = false;
      events = null;
    }
  });
  if (isBehind) renew();
}

complete();
if (choice) {
  document.addEventListener("visibilitychange", () => { if (isBehind) renew(); });
  choice.addEventListener("change", listen);
  choice.closest("[hidden]").hidden = false;
  listen();
}
