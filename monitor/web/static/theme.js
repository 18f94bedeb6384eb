// Sets light or dark before anything is drawn; runs in the head, so that nothing flashes.
(() => {
  let theme = null;
  try { theme = localStorage.getItem("monarq-theme"); } catch { /* a browser that keeps nothing goes by the system */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
