// What is seen is in the address: #/<view>?<name>=<value>.

export interface State { view: string; values: URLSearchParams }

export function readState(): State {
  const [view, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { view, values: new URLSearchParams(query) };
}

const address = (view: string, values: URLSearchParams): string => `#/${view}${values.size ? "?" + values : ""}`;

/** One view's part of the address. */
export class Params {
  constructor(private view: string, private values: URLSearchParams) {}

  get(name: string, missing = ""): string { return this.values.get(name) ?? missing; }

  /** A value that is one of these, else the first of them. */
  oneOf(name: string, allowed: readonly string[], missing = allowed[0]): string {
    const v = this.values.get(name);
    return v !== null && allowed.includes(v) ? v : missing;
  }

  list(name: string): string[] | null {
    return this.values.has(name) ? this.values.getAll(name).filter((v) => v !== "") : null;
  }

  /** Changes the address without a new entry in the browser's history. */
  set(name: string, value: string | string[] | null): void {
    this.values.delete(name);
    if (typeof value === "string") this.values.set(name, value);
    else if (value) for (const v of value.length ? value : [""]) this.values.append(name, v);
    history.replaceState(null, "", address(this.view, this.values));
  }
}
