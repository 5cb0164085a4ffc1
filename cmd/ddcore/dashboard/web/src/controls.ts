// Form controls with labels: native ones, so that keyboard, phone and screen
// reader know them.
import { h, newId } from "./dom";

export interface Option { value: string; label?: string; group?: string; title?: string }
const toOption = (o: string | Option): Option => (typeof o === "string" ? { value: o } : o);

export function select(label: string, options: (string | Option)[], value: string, change: (v: string) => void): HTMLElement {
  const id = newId();
  const e = h("select", { id, onchange: () => change(e.value) });
  let group: HTMLElement | undefined;
  let name = "";
  for (const o of options.map(toOption)) {
    if (o.group && o.group !== name) e.append((group = h("optgroup", { label: (name = o.group) })));
    (o.group ? group! : e).append(h("option", { value: o.value, selected: o.value === value }, o.label ?? o.value));
  }
  return h("div", { class: "control" }, h("label", { for: id }, label), e);
}

export function segments(label: string, options: (string | Option)[], value: string, change: (v: string) => void): HTMLElement {
  const name = newId();
  return h("fieldset", { class: "control segments" }, h("legend", {}, label), h("div", {}, ...options.map(toOption).map((o) => {
    const id = newId();
    return h("span", {},
      h("input", { type: "radio", name, id, value: o.value, checked: o.value === value, onchange: () => change(o.value) }),
      h("label", { for: id, title: o.title }, o.label ?? o.value));
  })));
}

export function toggle(label: string, value: boolean, change: (v: boolean) => void): HTMLElement {
  const id = newId();
  const e = h("input", { type: "checkbox", id, checked: value, onchange: () => change(e.checked) });
  return h("div", { class: "control toggle" }, e, h("label", { for: id }, label));
}

/** Several of many: a list that folds away, with a search where it is long. */
export function several(label: string, options: (string | Option)[], chosen: string[], change: (v: string[]) => void): HTMLElement {
  const all = options.map(toOption);
  const on = new Set(chosen);
  const id = newId();
  const count = h("span", { id });
  const say = () => { count.textContent = on.size === all.length ? `all ${all.length}` : on.size === 1 ? [...on][0] : `${on.size} of ${all.length}`; };
  const boxes = all.map((o) => {
    const box = h("input", { type: "checkbox", checked: on.has(o.value), onchange: () => {
      if (box.checked) on.add(o.value); else on.delete(o.value);
      told();
    } });
    return { box, o, line: h("label", { title: o.title }, box, " ", o.label ?? o.value) };
  });
  const told = () => { say(); change(all.map((o) => o.value).filter((v) => on.has(v))); };
  const setAll = (yes: boolean) => () => {
    for (const b of boxes) if (!b.line.hidden) { b.box.checked = yes; if (yes) on.add(b.o.value); else on.delete(b.o.value); }
    told();
  };
  const search = h("input", { type: "search", placeholder: "Find …", "aria-label": `Find in ${label}`, oninput: () => {
    const text = search.value.toLowerCase();
    for (const b of boxes) b.line.hidden = !(b.o.label ?? b.o.value).toLowerCase().includes(text);
  } });
  say();
  const fold = h("details", { class: "several" },
    h("summary", { "aria-label": `${label}: choose` }, count),
    h("div", { class: "menu", role: "group", "aria-label": label },
      all.length > 8 && search,
      h("div", { class: "row" }, h("button", { type: "button", onclick: setAll(true) }, "All"), h("button", { type: "button", onclick: setAll(false) }, "None")),
      h("div", { class: "options" }, ...boxes.map((b) => b.line))));
  fold.addEventListener("keydown", (e) => { if (e.key === "Escape") { fold.open = false; fold.querySelector("summary")!.focus(); } });
  return h("div", { class: "control" }, h("span", { class: "name" }, label), fold);
}

document.addEventListener("click", (e) => {
  for (const open of document.querySelectorAll<HTMLDetailsElement>("details.several[open]")) if (!open.contains(e.target as Node)) open.open = false;
});
