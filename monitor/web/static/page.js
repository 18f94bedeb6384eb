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
  try { localStorage.setItem("monarq-theme", next); } catch { /* it holds for this page then */ }
  nameTheme();
});
nameTheme();

// What was said once is not said again when the page is loaded again.
const here = new URL(location.href);
if (here.searchParams.has("did")) {
  for (const name of ["did", "n", "left"]) here.searchParams.delete(name);
  history.replaceState(null, "", here);
}

startKeys();
drawCharts(document);
startLive(drawCharts);
