// The stream of live updates: each event holds the page's live part. It stops while the tab is hidden, or on request.
import { morph } from "./morph.js";

const root = document.documentElement.dataset.root;
const live = document.getElementById("live");
const liveSwitch = document.getElementById("live-switch");
const label = liveSwitch.querySelector(".label");
let stream = null;
let paused = false;
let latest = null;

export function startLive(afterChange) {
  const open = () => {
    close();
    if (paused || document.hidden) return;
    const here = location.pathname.slice(root.length) + location.search;
    stream = new EventSource(`${root}/live?of=${encodeURIComponent(here)}`);
    stream.onmessage = ({ data }) => {
      latest = JSON.parse(data);
      show("live", "Live");
      apply(afterChange);
    };
    stream.onerror = () => {
      const over = stream.readyState === EventSource.CLOSED;
      show("lost", over ? "Not live" : "Connecting");
      if (over) { close(); setTimeout(open, 5000); }
    };
  };
  document.addEventListener("visibilitychange", open);
  document.addEventListener("selectionchange", () => apply(afterChange));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && open());
  liveSwitch.addEventListener("click", () => {
    paused = !paused;
    liveSwitch.setAttribute("aria-pressed", String(paused));
    if (paused) show("paused", "Paused");
    open();
  });
  open();
}

function close() {
  if (stream) stream.close();
  stream = null;
}

function show(state, words) {
  liveSwitch.dataset.state = state;
  if (label.textContent !== words) label.textContent = words;
}

function apply(afterChange) {
  if (latest === null || paused || isBusy()) return;
  const newer = new DOMParser().parseFromString(latest, "text/html").body;
  latest = null;
  morph(live, newer);
  afterChange(live);
}

// Nothing changes while the user selects text to copy it, or has a drop-down list open.
function isBusy() {
  const selection = getSelection();
  const marks = selection && !selection.isCollapsed && live.contains(selection.anchorNode);
  return marks || (document.activeElement?.nodeName === "SELECT" && live.contains(document.activeElement));
}
