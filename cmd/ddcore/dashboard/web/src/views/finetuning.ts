import { codePanel } from "../code";
import { table } from "../data";
import { h } from "../dom";
import { grid, type Group } from "../grid";
import { stage, type View } from "../view";

const short = (c: string): string => c.replace(/^(ft|pt)_(.*)_primary_metric$/, "$2").replace(/^pt_(.*)-valppl$/, "$1").replace(/^matched_group(_name)?$/, (_, n) => (n ? "name" : "group")).replace(/^ckpt_/, "");

export const finetuning: View = {
  id: "finetuning", name: "Fine-tuning", title: "Fine-tuning beside pretraining", needs: "grid",
  about: "A row is a run: the checkpoint it starts from, what it was trained with, its results (FT), and those of exactly its checkpoint (PT). Filters take text, > 0.5, <= 1e-4, = 150M or 0.2..0.4; Ctrl sorts by several columns.",
  show(root, p) {
    const place = stage();
    root.append(place.element);
    return place.run(async () => {
      const answer = await table("grid");
      const names = answer.columns.map((c) => c.name);
      const like = (pattern: RegExp) => names.filter((c) => pattern.test(c));
      const groups: Group[] = [
        { title: "Matched group", columns: ["matched_group", "matched_group_name"] },
        { title: "Initial checkpoint", columns: ["ckpt_recipe", "ckpt_params", "ckpt_steps"] },
        { title: "Core hyperparameters", columns: ["lr", "ckpt_seed", "ft_tok"] },
        { title: "FT primary metrics", columns: like(/^ft_.*_primary_metric$/) },
        { title: "PT primary metrics", columns: like(/^pt_.*_primary_metric$/) },
        { title: "PT perplexities", columns: like(/^pt_.*-valppl$/) },
        { title: "Run", columns: ["run_id", "run_type", "method", "state", "project", "final_train_loss", "best_train_loss"] },
        { title: "Match", columns: ["pt_step", "pt_match", "pt_valppl_step", "pt_valppl_match"] },
      ];
      const hidden = p.list("hide") ?? [...like(/^pt_.*-valppl$/), "project", "best_train_loss", "pt_valppl_step", "pt_valppl_match"];
      return [
        grid({ name: "fine-tuning and pretraining", answer, groups, title: short, hidden, onHidden: (v) => p.set("hide", v), sort: p.get("sort"), onSort: (v) => p.set("sort", v || null),
          filters: Object.fromEntries((p.list("filter") ?? []).map((f) => [f.slice(0, f.indexOf(":")), f.slice(f.indexOf(":") + 1)])),
          onFilters: (f) => { const list = Object.entries(f).map(([c, v]) => `${c}:${v}`); p.set("filter", list.length ? list : null); }, height: "68vh" }),
        h("p", { class: "note" }, "CSV and Parquet hold what is seen: the rows that fit, in their order, and the columns that are shown."),
        codePanel(answer.query),
      ];
    });
  },
};
