// Tables of thousands of rows: only the rows in sight are in the page.
import { parquetWriteBuffer } from "hyparquet-writer";
import { EditModule, FilterModule, FormatModule, InteractionModule, ResizeColumnsModule, SortModule, Tabulator, TooltipModule, type ColumnDefinition } from "tabulator-tables";
import { download, h } from "./dom";
import { type Answer, type Column, type Row } from "./data";
import { compare, fits, isNull, show } from "./format";

// Filters in headers are inputs of EditModule. The rest of Tabulator stays out of
// the page; ResizeTableModule would draw rows anew, and lose the focus, when a
// table is first scrolled to.
Tabulator.registerModule([EditModule, FilterModule, FormatModule, InteractionModule, ResizeColumnsModule, SortModule, TooltipModule]);

export interface Group { title: string; columns: string[] }

export interface GridOptions {
  name: string;
  answer: Answer;
  groups?: Group[]; // columns under common headers; those of no group come last
  title?: (column: string) => string;
  wrapped?: string[]; // columns of long texts, to be read whole
  hidden?: string[];
  onHidden?: (hidden: string[]) => void;
  filters?: Record<string, string>;
  onFilters?: (filters: Record<string, string>) => void;
  sort?: string; // a column, or -column
  onSort?: (sort: string) => void;
  selected?: (row: Row) => boolean;
  onPick?: (row: Row) => void;
  height?: string;
}

/** Lets Enter on a header do what a click does; Tabulator does not. */
function sortByKeyboard(table: any, column: any): void {
  const e: HTMLElement = column.getElement();
  e.tabIndex = 0;
  e.addEventListener("keydown", (k) => {
    if (k.target !== e || (k.key !== "Enter" && k.key !== " ")) return; // it may be for the filter in the header
    k.preventDefault();
    table.setSort(column.getField(), e.getAttribute("aria-sort") === "ascending" ? "desc" : "asc");
  });
}

/** Runs f once the element has a size: Tabulator measures its columns. */
function whenSeen(e: HTMLElement, f: () => void): void {
  const observer = new ResizeObserver(([entry]) => {
    if (entry.contentRect.width === 0) return;
    observer.disconnect();
    f();
  });
  observer.observe(e);
}

/** A grid with sorting, filters, a choice of columns, and export of what is seen. */
export function grid(o: GridOptions): HTMLElement {
  const hidden = new Set(o.hidden);
  const holder = h("div", { class: "grid", "aria-label": o.name });
  const count = h("span", { class: "count", "aria-live": "polite" });
  const groups = grouped(o);
  const definitions: ColumnDefinition[] = groups.map((g) => {
    const columns = g.columns.map((c) => define(o, c, !hidden.has(c.name)));
    return g.title ? { title: g.title, columns } : columns[0];
  });
  let table: any = null;
  const pick = (row: any) => { o.onPick!(row.getData()); table.getRows("visible").forEach((r: any) => r.reformat()); };
  const make = () => {
    table = new Tabulator(holder, {
    data: o.answer.rows.map((r, i) => ({ ...r, [rowKey]: i })), index: rowKey,
    columns: definitions, maxHeight: o.height ?? "60vh", layout: "fitData", columnHeaderSortMulti: true, movableColumns: false,
    headerSortElement: "<span class='arrow'></span>", placeholder: "No rows fit.", nestedFieldSeparator: false,
    initialSort: o.sort ? [{ column: o.sort.replace(/^-/, ""), dir: o.sort.startsWith("-") ? "desc" : "asc" }] : [],
    initialHeaderFilter: Object.entries(o.filters ?? {}).map(([field, value]) => ({ field, value })),
    rowFormatter: (row: any) => {
      const e: HTMLElement = row.getElement();
      const isPicked = o.selected?.(row.getData()) ?? false;
      e.classList.toggle("picked", isPicked);
      if (!o.onPick) return;
      e.tabIndex = 0;
      e.setAttribute("aria-selected", String(isPicked));
      e.onkeydown = (k) => { if (k.key === "Enter" || k.key === " ") { k.preventDefault(); pick(row); } };
    },
  } as any);
  table.on("dataFiltered", (_: any, rows: any[]) => {
    const n = o.answer.rows.length;
    count.textContent = `${rows.length === n ? "" : rows.length.toLocaleString("en-US") + " of "}${n >= o.answer.limit ? "the first " : ""}${n.toLocaleString("en-US")} rows`;
    const now = table.getHeaderFilters?.() ?? [];
    o.onFilters?.(Object.fromEntries(now.map((f: any) => [f.field, f.value])));
  });
  table.on("dataSorted", (sorters: any[]) => o.onSort?.(sorters.length ? (sorters[0].dir === "desc" ? "-" : "") + sorters[0].field : ""));
  table.on("tableBuilt", () => table.getColumns().forEach((c: any) => sortByKeyboard(table, c)));
  if (o.onPick) table.on("rowClick", (_: any, row: any) => pick(row));
  };
  whenSeen(holder, make);
  const seen = () => {
    const columns = o.answer.columns.filter((c) => !hidden.has(c.name));
    const rows: Row[] = table ? table.getRows("active").map((r: any) => r.getData()) : o.answer.rows;
    return { columns, rows };
  };
  const name = o.name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return h("section", { class: "table" }, h("div", { class: "actions" }, count,
    o.groups && chooser(groups, hidden, (c, on) => {
      if (on) { hidden.delete(c); table?.showColumn(c); } else { hidden.add(c); table?.hideColumn(c); }
      o.onHidden?.([...hidden]);
    }),
    h("button", { type: "button", onclick: () => { const s = seen(); download(`${name}.csv`, csv(s.columns, s.rows), "text/csv"); } }, "CSV"),
    h("button", { type: "button", onclick: () => { const s = seen(); download(`${name}.parquet`, parquet(s.columns, s.rows), "application/vnd.apache.parquet"); } }, "Parquet")), holder);
}

const rowKey = "\u0000row"; // no column has this name

function grouped(o: GridOptions): { title: string; columns: Column[] }[] {
  const byName = new Map(o.answer.columns.map((c) => [c.name, c]));
  const out = (o.groups ?? []).map((g) => ({ title: g.title, columns: g.columns.map((c) => byName.get(c)).filter((c): c is Column => !!c) }));
  const used = new Set(out.flatMap((g) => g.columns.map((c) => c.name)));
  const rest = o.answer.columns.filter((c) => !used.has(c.name));
  if (o.groups) { if (rest.length) out.push({ title: "Other", columns: rest }); } else out.push(...rest.map((c) => ({ title: "", columns: [c] })));
  return out.filter((g) => g.columns.length);
}

function define(o: GridOptions, c: Column, visible: boolean): ColumnDefinition {
  const title = o.title?.(c.name) ?? c.name;
  const wrap = o.wrapped?.includes(c.name) ? { variableHeight: true, cssClass: "wrap", width: 480 } : { maxWidth: 360, minWidth: c.isNumber ? 84 : 70 };
  return {
    title, field: c.name, visible, sorter: (a, b, _r, _s, _c, dir) => {
      const last = Number(isNull(a)) - Number(isNull(b)); // nulls stay last, whichever way
      return last ? (dir === "asc" ? last : -last) : compare(a, b);
    },
    hozAlign: c.isNumber ? "right" : "left", headerHozAlign: c.isNumber ? "right" : "left",
    headerTooltip: [c.name + (c.unit ? ` (${c.unit})` : ""), c.meaning].filter(Boolean).join(": "),
    formatter: (cell) => {
      const v = cell.getValue();
      if (isNull(v)) cell.getElement().classList.add("null");
      return document.createTextNode(show(v)) as any;
    },
    tooltip: (_: any, cell: any) => (isNull(cell.getValue()) ? "" : String(cell.getValue() instanceof Date ? show(cell.getValue()) : cell.getValue())),
    headerFilter: "input", headerFilterPlaceholder: c.isNumber ? ">, <, a..b" : "filter", headerFilterFunc: (typed: any, v: any) => fits(String(typed), v),
    headerFilterParams: { elementAttributes: { "aria-label": `Filter ${c.name}` } }, ...wrap,
  } as ColumnDefinition;
}

function chooser(groups: { title: string; columns: Column[] }[], hidden: Set<string>, change: (column: string, on: boolean) => void): HTMLElement {
  return h("details", { class: "several" }, h("summary", {}, "Columns"), h("div", { class: "menu wide", role: "group", "aria-label": "Columns" },
    ...groups.map((g) => {
      const boxes = g.columns.map((c) => {
        const box = h("input", { type: "checkbox", checked: !hidden.has(c.name), onchange: () => { change(c.name, box.checked); tell(); } });
        return { box, c, line: h("label", { title: c.meaning }, box, " ", c.name) };
      });
      const all = h("input", { type: "checkbox", "aria-label": `All of ${g.title}`, onchange: () => {
        for (const b of boxes) if (b.box.checked !== all.checked) { b.box.checked = all.checked; change(b.c.name, all.checked); }
      } });
      const tell = () => { const n = boxes.filter((b) => b.box.checked).length; all.checked = n === boxes.length; all.indeterminate = n > 0 && n < boxes.length; };
      tell();
      return h("div", { class: "group" }, h("label", { class: "head" }, all, " ", g.title), ...boxes.map((b) => b.line));
    })));
}

function csv(columns: Column[], rows: Row[]): string {
  const cell = (v: unknown): string => {
    if (v === null || v === undefined) return "";
    const s = v instanceof Date ? v.toISOString() : typeof v === "object" ? JSON.stringify(v) : typeof v === "number" && !Number.isFinite(v) ? String(v).replace("Infinity", "inf").replace("NaN", "nan") : String(v);
    return s === "" || /[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s;
  };
  return [columns.map((c) => cell(c.name)), ...rows.map((r) => columns.map((c) => cell(r[c.name])))].map((line) => line.join(",")).join("\n") + "\n";
}

function parquet(columns: Column[], rows: Row[]): ArrayBuffer {
  return parquetWriteBuffer({
    columnData: columns.map((c) => {
      const data = rows.map((r) => r[c.name] ?? undefined);
      if (c.isTime) return { name: c.name, data, type: "TIMESTAMP" as const };
      if (c.isNumber) {
        const whole = data.every((v) => v === undefined || Number.isSafeInteger(v));
        return whole ? { name: c.name, data: data.map((v) => (v === undefined ? v : BigInt(v))), type: "INT64" as const } : { name: c.name, data: data.map((v) => (v === undefined ? v : Number(v))), type: "DOUBLE" as const };
      }
      if (data.some((v) => typeof v === "boolean")) return { name: c.name, data, type: "BOOLEAN" as const };
      return { name: c.name, data: data.map((v) => (v === undefined ? v : typeof v === "object" ? JSON.stringify(v) : String(v))), type: "STRING" as const };
    }),
  });
}
