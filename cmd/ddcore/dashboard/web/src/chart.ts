// Vega-Lite charts without eval: Vega's interpreter walks the expressions, so
// that the page's policy can forbid scripts that are made of text.
import { parse, View, Warn } from "vega";
import { expressionInterpreter } from "vega-interpreter";
import { compile, type TopLevelSpec } from "vega-lite";
import { Handler } from "vega-tooltip";
import { download, h } from "./dom";
import { show } from "./format";
import { colour, onTheme, theme } from "./theme";

export type Spec = Record<string, any>;

// Okabe and Ito's eight, which people with any colour vision tell apart, then
// Tableau's for more.
const few = {
  light: ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c6d31", "#7f7f7f"],
  dark: ["#4da3e0", "#f0b429", "#2bc499", "#f07a3c", "#e29bc2", "#9bd6ff", "#c9a86a", "#a9b0b8"],
};
const more = ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#bab0ac",
  "#1f77b4", "#aec7e8", "#98df8a", "#d62728", "#9467bd", "#c5b0d5", "#8c564b", "#e377c2", "#bcbd22", "#17becf", "#393b79", "#637939", "#843c39", "#7b4173", "#3182bd"];

/** A scale that gives each name a colour, the same whatever else is shown. */
export const colours = (names: string[]) => ({ domain: names, range: names.map((_, i) => (names.length <= few.light.length ? few[theme()] : more)[i % more.length]) });

/** A scale for names that have an order: the colours have it, too. */
export const ordered = (names: string[]) => ({ domain: names, scheme: { name: "viridis", extent: theme() === "dark" ? [0.25, 1] : [0.88, 0.05] } });

function config(): Spec {
  const [text, faint, grid, card] = ["text", "muted", "line", "card"].map(colour);
  return {
    background: card, font: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    view: { stroke: null },
    title: { color: text, subtitleColor: faint, anchor: "start", fontSize: 15, subtitleFontSize: 12, fontWeight: 600, offset: 12, subtitlePadding: 4 },
    axis: { labelColor: faint, titleColor: text, gridColor: grid, domainColor: grid, tickColor: grid, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500, titlePadding: 10, labelPadding: 6 },
    legend: { labelColor: text, titleColor: faint, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500, symbolStrokeWidth: 2.5, labelLimit: 240 },
    header: { labelColor: text, titleColor: text },
    text: { color: text, font: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif" }, rule: { color: faint },
  };
}

export interface Drawn { element: HTMLElement; update: (spec: Spec) => Promise<void>; onClick: (f: (datum: Record<string, any>) => void) => void }

/** A chart that can be drawn anew, with buttons for its picture. `name` is what a screen reader says, and the file's name. */
export function chart(name: string): Drawn {
  const canvas = h("div", { class: "canvas", role: "img", "aria-label": name });
  let view: View | null = null;
  let last: Spec | null = null;
  let click: (d: Record<string, any>) => void = () => {};
  let turn = Promise.resolve();
  const picture = (format: "png" | "svg") => async () => {
    if (!view) return;
    const file = `${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.${format}`;
    if (format === "svg") download(file, await view.toSVG(), "image/svg+xml");
    else download(file, await toBlob((await view.toCanvas(2)) as HTMLCanvasElement), "image/png");
  };
  const draw = async (spec: Spec) => {
    last = spec;
    // Vega makes its description the canvas's name.
    const description = [spec.title?.text ?? name, spec.title?.subtitle].flat().filter(Boolean).join("; ");
    const full = { description, $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container", height: height(), autosize: { type: "fit-x", contains: "padding" }, ...spec };
    wrapTitle(full as Spec, canvas.clientWidth || innerWidth - 48);
    const { spec: vega } = compile(full as TopLevelSpec, { config: config() as any });
    view?.finalize();
    canvas.replaceChildren();
    view = new View(parse(vega, undefined, { ast: true } as any), { expr: expressionInterpreter as any, renderer: "canvas", container: canvas, hover: true, logLevel: Warn });
    view.tooltip(new Handler({ disableDefaultStyle: true, formatTooltip: tooltip, sanitize: show }).call);
    view.addEventListener("click", (_, item) => { if (item?.datum) click(item.datum); });
    await view.runAsync();
    canvas.dataset.drawn = "yes";
  };
  onTheme(canvas, () => void (last && update(last)));
  const update = (spec: Spec): Promise<void> => (turn = turn.then(() => draw(spec)));
  const element = h("figure", { class: "chart" }, canvas, h("div", { class: "actions" },
    h("button", { type: "button", onclick: picture("png"), "aria-label": `Download ${name} as PNG` }, "PNG"),
    h("button", { type: "button", onclick: picture("svg"), "aria-label": `Download ${name} as SVG` }, "SVG")));
  return { element, update, onClick: (f) => { click = f; } };
}

// Vega does not break lines.
function wrapTitle(spec: Spec, width: number): void {
  if (!spec.title) return;
  const wrap = (lines: string | string[] | undefined, letter: number) => [lines ?? []].flat().flatMap((line) => {
    const out = [""];
    for (const word of line.split(" ")) {
      if (out.at(-1) && (out.at(-1) + " " + word).length * letter > width) out.push(word);
      else out[out.length - 1] += (out.at(-1) ? " " : "") + word;
    }
    return out;
  });
  spec.title = { text: wrap(spec.title.text, 9.4), subtitle: wrap(spec.title.subtitle, 6.4) };
}

const height = (): number => (innerWidth < 600 ? 300 : 400);

// The library's own makes HTML of values; this one makes a table of text.
function tooltip(value: Record<string, unknown>): string {
  const safe = (s: unknown) => String(s).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return typeof value === "object" ? `<table>${Object.entries(value).map(([k, v]) => `<tr><th>${safe(k)}</th><td>${safe(v)}</td></tr>`).join("")}</table>` : safe(value);
}

const toBlob = (c: HTMLCanvasElement): Promise<Blob> => new Promise((done) => c.toBlob((b) => done(b!), "image/png"));
