// What runs on every page.
import { drawCharts } from "./charts.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";

const themes = ["system", "light", "dark"];
const button = document.getElementById("theme");
const page = document.documentElement;

function nameTheme() {
  const theme = page.dataset.theme ?? "system";
  button.querySelector(".label").textContent = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" }[theme];
}

button.addEventListener("click", () => {
  const next = themes[(themes.indexOf(page.dataset.theme ?? "system") + 1) % themes.length];
  if (next === "system") delete page.dataset.theme;
  else page.dataset.theme = next;
  try { localStorage.setItem("monarq-theme", next); } catch { /* then it applies only to this page */ }
  nameTheme();
});
nameTheme();

// A notice is not shown again when the page is reloaded.
const here = new URL(location.href);
if (here.searchParams.has("did")) {
  for (const name of ["did", "n", "left"]) here.searchParams.delete(name);
  history.replaceState(null, "", here);
}

startKeys();
drawCharts(document);
startLive(drawCharts);
