import "tabulator-tables/dist/css/tabulator_simple.min.css";
import "./app.css";
import { loadIndex, theIndex } from "./data";
import { h } from "./dom";
import { Params, readState } from "./state";
import { applyTheme, theme, toggleTheme } from "./theme";
import { explain, notice, type View } from "./view";
import { curves } from "./views/curves";
import { decisions } from "./views/decisions";
import { finetuning } from "./views/finetuning";
import { predictions } from "./views/predictions";
import { questions } from "./views/questions";
import { runs } from "./views/runs";
import { tables } from "./views/tables";

const views: View[] = [curves, finetuning, decisions, runs, questions, predictions, tables];
const main = document.getElementById("main")!;
const top_ = document.getElementById("top")!;

function header(current: string): void {
  const index = theIndex();
  const button = h("button", { type: "button", class: "theme", onclick: () => { toggleTheme(); label(); } });
  const label = () => { button.textContent = theme() === "dark" ? "☀" : "☾"; button.setAttribute("aria-label", `Use the ${theme() === "dark" ? "light" : "dark"} theme`); };
  label();
  top_.replaceChildren(
    h("div", { class: "brand" }, h("img", { src: "icon.svg", alt: "", width: 26, height: 26 }), h("strong", {}, "ddcore"), h("span", { class: "lake", title: `snapshot ${index.snapshot}, ddcore ${index.version}` }, index.lake)),
    h("nav", { "aria-label": "Views" }, ...views.map((v) => h("a", { href: `#/${v.id}`, "aria-current": v.id === current ? "page" : null }, v.name))), button);
  top_.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
}

async function route(): Promise<void> {
  const { view: id, values } = readState();
  const view = views.find((v) => v.id === id) ?? views.find((v) => !theIndex().missing[v.needs ?? ""]) ?? tables;
  header(view.id);
  document.title = `${view.name} · ${theIndex().lake} · ddcore`;
  const root = h("div", { class: "view", "data-view": view.id }, h("h1", {}, view.title), h("p", { class: "about" }, view.about));
  main.replaceChildren(root);
  const missing = view.needs && theIndex().missing[view.needs];
  if (missing) root.append(notice("The lake has no data for this view yet.", `To see it, ${missing}.`));
  else await view.show(root, new Params(view.id, values));
  root.dataset.ready = "yes";
}

applyTheme();
addEventListener("hashchange", () => void route());
try {
  await loadIndex();
  if (theIndex().left_out?.length) document.body.append(h("footer", {}, `${theIndex().left_out!.length} tables are left out of this site.`));
  await route();
} catch (e) {
  main.replaceChildren(explain(e));
}
