// What all views share: a frame with a title, controls and a place for what is shown.
import { Failure, theIndex, type Metric } from "./data";
import { h } from "./dom";
import type { Params } from "./state";

export interface View { id: string; name: string; title: string; about: string; needs?: string; show: (root: HTMLElement, p: Params) => void | Promise<void> }

/** Says that something is not there, and what to do. */
export const notice = (text: string, hint = ""): HTMLElement => h("div", { class: "notice", role: "status" }, h("p", {}, text), hint && h("p", { class: "hint" }, hint));

export function explain(e: unknown): HTMLElement {
  const text = e instanceof Failure ? e.message : e instanceof Error ? e.message : String(e);
  return h("div", { class: "notice bad", role: "alert" }, h("p", {}, text), e instanceof Failure && e.hint && h("p", { class: "hint" }, e.hint));
}

/** Runs work into a place: what is shown last wins, and errors are told there. */
export function stage(): { element: HTMLElement; run: (work: () => Promise<(Node | false | null)[]>) => Promise<void> } {
  const element = h("div", { class: "stage" });
  let newest = 0;
  return { element, run: async (work) => {
    const mine = ++newest;
    element.setAttribute("aria-busy", "true");
    try {
      const nodes = await work();
      if (mine === newest) element.replaceChildren(...nodes.filter((n): n is Node => !!n));
    } catch (e) {
      if (mine === newest) element.replaceChildren(explain(e));
    }
    if (mine === newest) element.removeAttribute("aria-busy");
  } };
}

export const unique = <T>(values: T[]): T[] => [...new Set(values)];

/** Tasks with the averages first, and the subjects of MMLU last. */
export function taskOptions(): { value: string; group: string }[] {
  const isSubject = (t: string) => t.startsWith("mmlu_") && t !== "mmlu_average";
  const isAverage = (t: string) => t === "mmlu_average" || t === "olmes_10_macro_avg";
  const all = theIndex().tasks;
  return [
    ...all.filter(isAverage).reverse().map((value) => ({ value, group: "Averages" })),
    ...all.filter((t) => !isAverage(t) && !isSubject(t)).map((value) => ({ value, group: "OLMES" })),
    ...all.filter(isSubject).map((value) => ({ value, group: "MMLU subjects" })),
  ];
}

export const axisTitle = (m: Metric, task = ""): string => {
  const notes = [m.unit && m.unit !== "perplexity" ? m.unit : "", m.lower_is_better ? "lower is better" : ""].filter(Boolean);
  return `${task ? task + " " : ""}${m.name}${notes.length ? ` (${notes.join(", ")})` : ""}`;
};

/** A scale that does not start at 0; Vega warns of what a log scale cannot have. */
export const scaleOf = (log: boolean, more: Record<string, unknown> = {}) => (log ? { type: "log", nice: false, ...more } : { type: "linear", nice: false, zero: false, ...more });

/** Labels of counts as this field writes them: 10B, not 10G. */
export const short = "replace(format(datum.value, '.3~s'), 'G', 'B')";
