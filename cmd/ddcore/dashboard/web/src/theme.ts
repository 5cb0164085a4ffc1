// Light and dark: as the system has it, or as the user chose.

type Theme = "light" | "dark";
const system = matchMedia("(prefers-color-scheme: dark)");
let chosen = remembered();
const listeners = new Set<() => void>();

function remembered(): Theme | null {
  try {
    const t = localStorage.getItem("ddcore-theme");
    return t === "light" || t === "dark" ? t : null;
  } catch {
    return null; // storage is switched off
  }
}

export const theme = (): Theme => chosen ?? (system.matches ? "dark" : "light");

export function applyTheme(): void { document.documentElement.dataset.theme = theme(); }

export function toggleTheme(): void {
  chosen = theme() === "dark" ? "light" : "dark";
  try { localStorage.setItem("ddcore-theme", chosen); } catch { /* it holds until the page is closed */ }
  changed();
}

function changed(): void { applyTheme(); for (const f of [...listeners]) f(); }
system.addEventListener("change", changed);

/** Calls f when the theme changes, until the element has gone. */
export function onTheme(e: Element, f: () => void): void {
  const g = () => (e.isConnected ? f() : void listeners.delete(g));
  listeners.add(g);
}

export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
