// Dark and light. Not a module: it runs before the page is first painted, so that nothing flashes.
// `data-theme` is what the person chose (system, light or dark), `data-colours` what that comes to (light or dark).
(() => {
  "use strict";
  const key = "inflight.theme";
  const choices = ["system", "light", "dark"];
  const names = { system: "as the system", light: "light", dark: "dark" };
  const preference = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  function stored() {
    try {
      const value = localStorage.getItem(key);
      return choices.includes(value) ? value : "system";
    } catch {
      return "system";
    }
  }

  function apply(theme) {
    root.dataset.theme = theme;
    root.dataset.colours = theme === "system" ? (preference.matches ? "dark" : "light") : theme;
    document.getElementById("theme")?.setAttribute("aria-label", `Colours: ${names[theme]}`);
    dispatchEvent(new Event("colours"));
  }

  apply(stored());
  preference.addEventListener("change", () => apply(stored()));
  addEventListener("storage", (event) => {
    if (event.key === key) apply(stored());
  });
  addEventListener("DOMContentLoaded", () => {
    apply(stored());
    document.getElementById("theme").addEventListener("click", () => {
      const next = choices[(choices.indexOf(root.dataset.theme) + 1) % choices.length];
      try {
        localStorage.setItem(key, next);
      } catch {
        // The choice then lasts as long as the page.
      }
      apply(next);
    });
  });
})();
