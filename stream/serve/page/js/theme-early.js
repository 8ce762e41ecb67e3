// Before the first paint, so that a chosen theme does not flash. A classic script: modules run too late.
(() => {
  try {
    const theme = localStorage.getItem("barometer-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; then the system's theme holds.
  }
})();
