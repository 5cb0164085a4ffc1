// Numbers, sizes and times as people read them.

export const isNull = (v: unknown): boolean => v === null || v === undefined || (typeof v === "number" && Number.isNaN(v));

export function show(v: unknown): string {
  if (isNull(v)) return "N/A";
  if (typeof v === "number") return number(v);
  if (v instanceof Date) return v.toISOString().replace("T", " ").replace(/\.\d+Z$/, "");
  if (typeof v === "object") return JSON.stringify(v);
  return String(v);
}

export function number(v: number): string {
  if (Number.isInteger(v) && Math.abs(v) < 1e15) return v.toLocaleString("en-US");
  const a = Math.abs(v);
  return a !== 0 && (a < 1e-3 || a >= 1e9) ? Number(v.toPrecision(4)).toExponential() : String(Number(v.toPrecision(5)));
}

export const bytes = (n: number): string => (n < 1024 ? `${n} B` : n < 1 << 20 ? `${(n / 1024).toFixed(0)} kB` : `${(n / (1 << 20)).toFixed(1)} MB`);

const scale: Record<string, number> = { K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

/** The size that a label such as 150M stands for; labels sort by it. */
export function sizeOf(label: unknown): number {
  const m = /^(\d+(?:\.\d+)?)([KMBT])$/i.exec(String(label));
  return m ? Number(m[1]) * scale[m[2].toUpperCase()] : NaN;
}

/** Orders numbers, size labels, times and text; nulls last. */
export function compare(a: unknown, b: unknown): number {
  if (isNull(a) || isNull(b)) return Number(isNull(a)) - Number(isNull(b));
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  const x = sizeOf(a), y = sizeOf(b);
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

/** Tells whether a cell fits what was typed: text, >0.5, <=1e-4, =150M or 0.2..0.4. */
export function fits(typed: string, v: unknown): boolean {
  const text = typed.trim();
  if (text === "") return true;
  const range = /^(\S+)\.\.(\S+)$/.exec(text);
  if (range) return !isNull(v) && compare(v, like(v, range[1])) >= 0 && compare(v, like(v, range[2])) <= 0;
  const bound = /^(>=|<=|>|<|=)\s*(.+)$/.exec(text);
  if (bound) {
    if (isNull(v)) return false;
    const c = compare(v, like(v, bound[2]));
    return { ">": c > 0, ">=": c >= 0, "<": c < 0, "<=": c <= 0, "=": c === 0 }[bound[1]]!;
  }
  return show(v).toLowerCase().includes(text.toLowerCase()) || (!isNull(v) && String(v).toLowerCase().includes(text.toLowerCase()));
}

const like = (v: unknown, text: string): unknown => (typeof v === "number" ? (Number.isNaN(sizeOf(text)) ? Number(text) : sizeOf(text)) : text);
