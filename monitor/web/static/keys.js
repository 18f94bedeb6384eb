// Shortcuts: g and a letter goes to a page, / searches, ? shows help. They are off while the user types.

const help = document.getElementById("help");
const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
let afterG = 0;

export function startKeys() {
  document.getElementById("keys").addEventListener("click", () => help.showModal());
  help.addEventListener("click", (event) => { if (event.target === help) help.close(); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (act(event.key)) event.preventDefault();
  });
}

function act(key) {
  const going = Date.now() < afterG;
  afterG = 0;
  if (going) return go(`[data-go="${CSS.escape(key)}"]`);
  switch (key) {
    case "g": afterG = Date.now() + 1500; return true;
    case "/": return search();
    case "?": help.showModal(); return true;
    case "p": document.getElementById("live-switch").click(); return true;
    case "t": document.getElementById("theme").click(); return true;
    default: return false;
  }
}

function go(selector) {
  const target = document.querySelector(selector);
  if (target) target.click();
  return Boolean(target);
}

function search() {
  const field = document.querySelector("[data-search]");
  if (!field) return go('[data-go="j"]');
  field.focus();
  field.select();
  return true;
}
