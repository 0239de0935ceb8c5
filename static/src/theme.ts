// Light, dark or the system's: acts at once and is kept in a cookie the server reads as well.

const CHANGED = "luna:theme";
const YEAR_S = 31_536_000;

/** Calls `listener` whenever colours may have changed, by the switch or by the system. */
export function onThemeChange(listener: () => void): void {
  document.addEventListener(CHANGED, listener);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}

export function startThemeSwitch(): void {
  const choices = [...document.querySelectorAll<HTMLAnchorElement>("a[data-theme-choice]")];
  for (const choice of choices) {
    choice.addEventListener("click", (event) => {
      event.preventDefault();
      const theme = choice.dataset["themeChoice"] ?? "auto";
      document.cookie = `luna_theme=${theme}; path=/; max-age=${YEAR_S}; samesite=lax`;
      if (theme === "auto") delete document.documentElement.dataset["theme"];
      else document.documentElement.dataset["theme"] = theme;
      for (const other of choices) {
        if (other === choice) other.setAttribute("aria-current", "true");
        else other.removeAttribute("aria-current");
      }
      document.dispatchEvent(new Event(CHANGED));
    });
  }
}
