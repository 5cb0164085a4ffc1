// Tables by their paths: data/<view>/<key>.arrow, from the server or beside the page.
import { tableFromIPC, type Table } from "@uwdata/flechette";

export interface Metric { name: string; unit: string; meaning: string; lower_is_better: boolean }
export interface TableInfo { schema: string; name: string; rows: number | null; columns: number; bytes: number; summary: string }
export interface Index {
  lake: string; version: string; snapshot: number; sql: boolean; site: boolean; files?: string[]; left_out?: string[];
  tables: TableInfo[]; sizes: { params: string; n: number }[]; recipes: { recipe: string; family: string }[];
  tasks: string[]; metrics: Metric[]; perplexities: Metric[];
  instance_recipes: string[];
  instances: { params: string; task: string; docs: number }[];
  missing: Record<string, string>; docs_per_block: number;
}
export type Row = Record<string, any>;
export interface Query { verb: string; args: Record<string, any> }

/** A table with what it takes to ask for it again. */
export interface Answer { rows: Row[]; columns: Column[]; query: Query; limit: number }
export interface Column { name: string; isNumber: boolean; isTime: boolean; unit: string; meaning: string }

/** What went wrong, with what to do about it. */
export class Failure extends Error {
  constructor(message: string, readonly hint: string) { super(message); }
}

let index: Index;
export const theIndex = (): Index => index;

export async function loadIndex(): Promise<Index> {
  const response = await fetch("data/index.json");
  if (!response.ok) throw await failure(response);
  return (index = await response.json());
}

/** Writes a key as a part of a path; the server has the same rule (slug). */
export function slug(key: string): string {
  if (key === "") return "~";
  return [...new TextEncoder().encode(key)]
    .map((c, i) => (/[A-Za-z0-9_-]/.test(String.fromCharCode(c)) || (c === 46 && i > 0) ? String.fromCharCode(c) : "~" + c.toString(16).padStart(2, "0")))
    .join("");
}

export const path = (view: string, ...keys: string[]): string => [view, ...keys.map(slug)].join("/");

/** Whether a site has this table; a server makes whatever is asked for. */
export const isThere = (view: string, ...keys: string[]): boolean => !index.site || (index.files ?? []).includes(path(view, ...keys));

const known = new Map<string, Promise<Answer>>();

/** Gives the table of a view; it is asked for once. */
export function table(view: string, ...keys: string[]): Promise<Answer> {
  const p = path(view, ...keys);
  if (!isThere(view, ...keys)) return Promise.reject(new Failure("This page's files do not have this table.", "Choose another, or make the site again with more in it: ddcore export-site --max-mb --metrics."));
  let answer = known.get(p);
  if (!answer) {
    answer = fetch(`data/${p}.arrow`).then(read);
    known.set(p, answer);
    answer.catch(() => known.delete(p)); // the next time may go well
  }
  return answer;
}

/** Runs a query of the user's. */
export async function sql(text: string, signal: AbortSignal): Promise<Answer> {
  return read(await fetch("sql", { method: "POST", body: text, signal }));
}

async function read(response: Response): Promise<Answer> {
  if (!response.ok) throw await failure(response);
  return decode(new Uint8Array(await response.arrayBuffer()));
}

async function failure(response: Response): Promise<Failure> {
  try {
    const { error } = await response.json();
    return new Failure(error.message, error.hint ?? "");
  } catch {
    return new Failure(`The server answered ${response.status}.`, "Is it still running?");
  }
}

function decode(bytes: Uint8Array): Answer {
  const t: Table = tableFromIPC(bytes, { useDate: true, useBigInt: true });
  const facts = t.schema.metadata ?? new Map<string, string>();
  const columns = t.schema.fields.map((f): Column => ({
    name: f.name,
    isNumber: [2, 3, 7].includes(f.type.typeId), // integers, floats, decimals
    isTime: [8, 10].includes(f.type.typeId), // dates, timestamps
    unit: f.metadata?.get("unit") ?? "",
    meaning: f.metadata?.get("meaning") ?? "",
  }));
  return { rows: rowsOf(t), columns, query: JSON.parse(facts.get("ddcore.query") ?? "null"), limit: Number(facts.get("ddcore.limit") ?? Infinity) };
}

// Rows are plain objects: a column name may occur twice in SQL, and the last wins.
function rowsOf(t: Table): Row[] {
  const arrays = t.schema.fields.map((_, i) => t.getChildAt(i).toArray() as ArrayLike<any>);
  const names = t.schema.fields.map((f) => f.name);
  return Array.from({ length: t.numRows }, (_, i) => {
    const row: Row = {};
    for (let c = 0; c < names.length; c++) row[names[c]] = plain(arrays[c][i]);
    return row;
  });
}

// An integer that a number cannot hold stays text.
function plain(v: any): any {
  if (typeof v !== "bigint") return v;
  return Number.isSafeInteger(Number(v)) ? Number(v) : String(v);
}
