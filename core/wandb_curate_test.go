package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core/contract"

	"github.com/stretchr/testify/require"
)

const (
	matchedID = "250912-172812_match_150M_c4_finetune_100Mtx1_DD-c4-4M-5725-0"
	sweepID   = "250912-172812_sweep_10Mtx3_DD-c4-4M-5725-1_lr=5e-06"
)

// TestNoRuns: a lake without W&B data has the tables, empty.
func TestNoRuns(t *testing.T) {
	lake := hfLake(t)
	for _, name := range []string{"runs", "run_history", "run_metrics", "run_evals", "run_curves", "run_gaps", "matched_runs"} {
		require.Len(t, query(t, lake, "FROM "+name), 1, name)
	}
}

// TestNormalisation: each rule for what a run was trained with and from.
func TestNormalisation(t *testing.T) {
	const hub = "/redacted/hub/models--allenai--DataDecide-dclm-baseline-qc-7p-fw2-1B/snapshots/x"
	cases := []struct {
		name string
		run  madeRun
		want map[string]string
	}{
		{
			"the id comes before the configuration",
			madeRun{id: sweepID, config: object{"learning_rate": 1e-3, "num_train_epochs": 9, "seed": 42, "model_revision": "main", "model_name_or_path": hub}},
			map[string]string{"run_type": "simple_ft_vary_tokens", "lr": "5e-06", "n_epochs": "3", "ckpt_recipe": "C4", "ckpt_params": "4M", "ckpt_steps": "5725", "ckpt_seed": "1", "ft_seed": "42", "tokens_per_epoch": "1e7", "ft_tokens": "3e7"},
		},
		{
			"holes are filled from the configuration",
			madeRun{id: "2025_08_21-08_24_43_t_DD-c4-4M_main_1M_toks_--learning_rate=1e-4", config: object{"num_train_epochs": 4, "reduce_loss": "sum", "max_train_samples": "1400"}},
			map[string]string{"n_epochs": "4", "ft_tokens": "4e6", "reduce_loss": "sum", "max_train_samples": "1400", "ckpt_seed": "0", "lr": "0.0001"},
		},
		{
			"defaults",
			madeRun{id: "2025_08_21-08_24_43_u_DD-c4-4M_main_1M_toks_--learning_rate=1e-4"},
			map[string]string{"n_epochs": "1", "ft_tokens": "1e6", "ckpt_steps": "main", "comparison_metric": "(null)", "comparison_recipe": "(null)", "num_finetuned_tokens_real": "(null)", "wall_seconds": "(null)"},
		},
		{
			"a matched run's defaults",
			madeRun{id: "250912-172812_match_150M_finetune_1Gtx2_DD-c4-4M-5725-0", summary: object{"total_tokens": 123, "_wandb": object{"runtime": 7}}},
			map[string]string{"run_type": "matched", "comparison_metric": "pile-valppl", "comparison_recipe": "Dolma1.7", "comparison_params": "150M", "ft_tokens": "2e9", "num_finetuned_tokens_real": "123", "wall_seconds": "7"},
		},
		{
			"a metric is named as its column, a recipe by its display name",
			madeRun{id: "250912-172812_match_DD-dclm-baseline-qc-7p-fw2-150M_Ft_DD-d17-4M-5725-4_lr=1e-5", summary: object{"_runtime": 8.5, "_wandb": object{"runtime": 7}}},
			map[string]string{"comparison_recipe": "DCLM-Baseline (QC 7%, FW2)", "ckpt_recipe": "Dolma1.7", "ckpt_seed": "4", "ft_tokens": "1330254868", "n_epochs": "2", "wall_seconds": "8.5"},
		},
		{
			"Ft in the id is a full fine-tune, whatever the configuration says",
			madeRun{id: "2025_08_30-16_54_48_t_DD-dolma1_7-4M_Ft_--learning_rate=5e-05", config: object{"num_train_epochs": 7}, summary: object{"total_tokens": 665079539}},
			map[string]string{"tokens_per_epoch": "665127434", "n_epochs": "2", "ft_tokens": "1330254868", "ft_tokens_rule": "full fine-tune", "num_finetuned_tokens_real": "665079539"},
		},
		{
			"DPO: tokens and learning rate of the fine-tuning before it",
			madeRun{id: "2025_08_27-07_52_26_dpo_dd__c4-4M__main__1Gt_lr=5e-06_default_--learning_rate=2e-07", config: object{"dpo_beta": "5", "dpo_loss_type": "dpo_norm"}},
			map[string]string{"method": "dpo", "ft_tokens": "1e9", "ft_tokens_rule": "named", "lr": "2e-07", "ft_lr": "5e-06", "dpo_beta": "5", "dpo_loss_type": "dpo_norm"},
		},
		{
			"a reduced loss",
			madeRun{id: "2025_08_27-07_52_26_t_DD-c4-4M_main_default_--max_train_samples=10_--reduce_loss=mean", config: object{"max_train_samples": 99, "reduce_loss": "sum"}},
			map[string]string{"run_type": "reduce_type", "max_train_samples": "10", "reduce_loss": "mean", "method": "finetune"},
		},
		{
			"a run of no known shape keeps what its configuration gives",
			madeRun{id: "k3j9x2ab", config: object{"model_name_or_path": hub, "model_revision": "step1250-seed-large-aux-3", "learning_rate": "1e-5", "seed": 8}},
			map[string]string{"run_type": "other", "rule": "(null)", "ckpt_recipe": "DCLM-Baseline (QC 7%, FW2)", "ckpt_params": "1B", "ckpt_steps": "1250", "ckpt_seed": "4", "lr": "1e-5", "n_epochs": "(null)", "ft_tokens": "(null)"},
		},
		{
			"an unknown name in its configuration stops nothing",
			madeRun{id: "x_main_default_y", config: object{"model_name_or_path": "allenai/DataDecide-martian-7B", "model_revision": "weird"}},
			map[string]string{"run_type": "old", "rule": "main_default", "ckpt_recipe": "(null)", "ckpt_params": "7B", "ckpt_steps": "main"},
		},
		{
			"an unknown seed is said, not guessed",
			madeRun{id: "250912-172812_sweep_10Mtx3_DD-c4-4M-5725-77_lr=5e-06"},
			map[string]string{"ckpt_seed": "(null)"},
		},
		{
			"a configuration of odd types breaks nothing",
			madeRun{id: "odd", config: object{"learning_rate": object{"a": 1}, "seed": "many", "dpo_beta": nil, "num_train_epochs": []any{1}}, summary: object{"total_tokens": "NaN?", "_runtime": object{}}},
			map[string]string{"lr": "(null)", "ft_seed": "(null)", "num_finetuned_tokens_real": "(null)", "method": "finetune"},
		},
	}
	var runs []madeRun
	for _, c := range cases {
		runs = append(runs, c.run)
	}
	lake := curatedRuns(t, export(t, "e", "2026-01-01T00:00:00Z", runs...))
	for _, c := range cases {
		got := row(t, lake, "SELECT * FROM runs WHERE run_id = ?", c.run.id)
		for name, want := range c.want {
			requireSame(t, want, got[name], c.name+": "+name)
		}
	}
}

// TestCopies: a run in several exports is one run; the newest export has it.
func TestCopies(t *testing.T) {
	old := madeRun{id: matchedID, state: "running", config: object{"a": 1, "b": object{"x": 1, "y": []any{1, 2}}}, summary: object{"_step": 100, "train_loss": 2.5}, history: points(100, 300, 100)}
	grown := old
	grown.state, grown.summary = "finished", object{"_step": 400, "train_loss": 4.6, "more": 1}
	grown.history = points(100, 400, 100)
	same := madeRun{id: sweepID, config: object{"a": 1}, history: points(10, 30, 10)}
	newer, older := export(t, "newer", "2026-02-01T00:00:00Z", grown, same), export(t, "older", "2026-01-01T00:00:00Z", old, same)
	lake := curatedRuns(t, newer, older) // the older one comes in last

	got := row(t, lake, "SELECT * FROM runs WHERE run_id = ?", matchedID)
	for name, want := range map[string]string{
		"state": "finished", "n_copies": "2", "exports": "newer, older", "is_conflicting": "true", "n_differences": "3",
		"differences": "run.state, summary._step, summary.train_loss",
	} {
		require.Equal(t, want, got[name], name)
	}
	require.Contains(t, must(t, "doctor", lake, nil).csv(), "run copies|warning|1 W&B runs have other values")
	got = row(t, lake, "SELECT * FROM runs WHERE run_id = ?", sweepID)
	require.Equal(t, "2", got["n_copies"])
	require.Equal(t, "false", got["is_conflicting"])
	require.Equal(t, rows{{"run_id", "n"}, {matchedID, "4"}, {sweepID, "3"}}, query(t, lake, "SELECT run_id, count(*) AS n FROM run_history GROUP BY ALL ORDER BY ALL"))
	require.Equal(t, "3", row(t, lake, "SELECT n_repeats FROM run_gaps WHERE run_id = ?", matchedID)["n_repeats"])
}

// TestHistory: what is equal is one row, what a run logged again is two, and
// what was exported again with other values is the last one's.
func TestHistory(t *testing.T) {
	first := madeRun{id: sweepID, history: []object{
		point(10, 1000, object{"train_loss": 3.0, "grad/norm:x.y": 1.5, "big": json19}),
		point(10, 1000, object{"train_loss": 3.0, "grad/norm:x.y": 1.5, "big": json19}),
		point(20, 2000, object{"train_loss": 2.0, "note": "warm", "nan": "NaN", "hist": object{"bins": []any{1, 2}}}),
		point(20, 2500, object{"train_loss": 2.5}), // resumed: the step again, at another time
		point(nil, 2600, object{"train_loss": 1.0}),
		point(30, 3000, object{"train_loss": 1.0}),
	}}
	second := madeRun{id: sweepID, history: []object{point(30, 3000, object{"train_loss": 1.25})}}
	lake := curatedRuns(t, export(t, "a", "2026-01-01T00:00:00Z", first), export(t, "b", "2026-02-01T00:00:00Z", second))
	require.Equal(t, rows{{"step", "occurrence", "train_loss", "at"}, {"10", "1", "3", "1000"}, {"20", "1", "2", "2000"}, {"20", "2", "2.5", "2500"}, {"30", "1", "1.25", "3000"}},
		query(t, lake, "SELECT step, occurrence, train_loss, epoch(logged_at) AS at FROM run_history ORDER BY step, occurrence"))
	require.Equal(t, rows{
		{"step", "metric", "value", "text"},
		{"10", "big", "1.686318692696064e+20", "(null)"},
		{"10", "grad/norm:x.y", "1.5", "(null)"},
		{"20", "hist", "(null)", `{"bins":[1,2]}`},
		{"20", "nan", "NaN", "(null)"},
		{"20", "note", "(null)", "warm"},
	}, query(t, lake, "SELECT step, metric, value, text FROM run_metrics ORDER BY step, metric"))
	got := row(t, lake, "FROM run_gaps")
	for name, want := range map[string]string{"n_rows": "4", "n_repeats": "1", "n_superseded": "1", "n_without_step": "1", "first_step": "10", "last_step": "30"} {
		require.Equal(t, want, got[name], name)
	}
	require.Contains(t, got["gaps"], "1 rows without a step")
	require.Contains(t, got["gaps"], "exported again")
}

// json19 lies beyond 64 bits.
const json19 = float64(168631869269606400000)

// TestGaps: what is missing is said.
func TestGaps(t *testing.T) {
	holed := append(points(100, 300, 100), points(600, 900, 100)...)
	late := points(300, 900, 100)
	partial := points(100, 500, 100)
	delete(partial[1]["metrics"].(object), "learning_rate")
	cases := []struct {
		name  string
		run   madeRun
		want  map[string]string
		words []string
	}{
		{"complete", madeRun{history: points(100, 900, 100), lastStep: 900, summary: object{"_step": 900, "train_loss": 4.1}}, map[string]string{"is_complete": "true", "gaps": "(null)", "n_expected_steps": "9", "n_missing_steps": "0", "step_interval": "100"}, nil},
		{"last step off the grid", madeRun{history: points(100, 900, 100), lastStep: 942}, map[string]string{"n_missing_steps": "0", "expected_last_step": "942"}, []string{"it ends at step 900 of 942"}},
		{"holes", madeRun{history: holed, lastStep: 900}, map[string]string{"n_missing_steps": "2", "n_expected_steps": "9", "is_complete": "false"}, []string{"2 of 9 steps are missing", "holes from step 300 to 600"}},
		{"the end", madeRun{history: points(100, 500, 100), summary: object{"_step": 900}}, map[string]string{"n_missing_steps": "4", "last_step": "500"}, []string{"it ends at step 500 of 900"}},
		{"the start", madeRun{history: late, lastStep: 900}, map[string]string{"n_missing_steps": "2", "first_step": "300"}, []string{"it starts at step 300"}},
		{"a metric in places", madeRun{history: partial, lastStep: 500}, map[string]string{"missing_metrics": "learning_rate in 1", "is_complete": "false"}, nil},
		{"the summary says otherwise", madeRun{history: points(1, 3, 1), lastStep: 3, summary: object{"train_loss": 9, "total_tokens": 3000}}, map[string]string{"summary_differences": "train_loss 4.997 and 9.0"}, []string{"last logged and summary differ"}},
		{"no history that should be", madeRun{lastStep: 700}, map[string]string{"n_rows": "0", "is_complete": "false"}, []string{"no history: it should reach step 700"}},
		{"no history and no step", madeRun{}, map[string]string{"n_rows": "0", "expected_last_step": "(null)"}, []string{"no history: none was exported"}},
		{"one row", madeRun{history: points(5, 5, 1)}, map[string]string{"n_expected_steps": "1", "step_interval": "(null)", "is_complete": "true"}, nil},
	}
	var runs []madeRun
	for i := range cases {
		cases[i].run.id = fmt.Sprintf("250912-172812_sweep_%dMtx3_DD-c4-4M-5725-1_lr=5e-06", i+1)
		runs = append(runs, cases[i].run)
	}
	lake := curatedRuns(t, export(t, "e", "2026-01-01T00:00:00Z", runs...))
	for _, c := range cases {
		got := row(t, lake, "FROM run_gaps WHERE run_id = ?", c.run.id)
		for name, want := range c.want {
			require.Equal(t, want, got[name], "%s: %s %v", c.name, name, got)
		}
		for _, words := range c.words {
			require.Contains(t, got["gaps"], words, c.name)
		}
	}
}

// TestCurves: the course of the loss, of every type of run.
func TestCurves(t *testing.T) {
	dpo := madeRun{id: "2025_08_27-07_52_26_dpo_DD-c4-4M_main_default"}
	for step := 1; step <= 40; step++ {
		loss := 100 - float64(step)
		if step > 30 {
			loss = 80
		}
		dpo.history = append(dpo.history, point(step, 1e9+float64(step), object{"train_loss": loss, "learning_rate": 1e-6}))
	}
	lake := curatedRuns(t, export(t, "e", "2026-01-01T00:00:00Z", dpo))
	got := row(t, lake, "FROM run_curves")
	for name, want := range map[string]string{
		"run_type": "dpo", "n_rows": "40", "last_step": "40", "final_train_loss": "80", "best_train_loss": "70", "best_step": "30",
		"train_loss_at_10pct": "96", "train_loss_at_25pct": "90", "train_loss_at_50pct": "80", "train_loss_at_75pct": "70",
	} {
		require.Equal(t, want, got[name], name)
	}
	require.Equal(t, "80", row(t, lake, "FROM matched_runs")["final_train_loss"], "not for matched runs alone")
	require.Equal(t, "true", row(t, lake, "FROM run_gaps")["is_complete"], "DPO logs no tokens")
}

// TestRunEvals: both spellings of the summary, and the configuration's.
func TestRunEvals(t *testing.T) {
	run := madeRun{
		id: sweepID,
		summary: object{
			"oe_eval_metrics/arc_easy":            object{"primary_score": 0.5, "acc_raw": 0.25, "num_instances": 2376, "extra_metrics": object{"no_answer": 0}, "task_config": object{"num_shots": 5, "primary_metric": "acc_per_char", "metadata": object{"alias": "arc_easy:rc"}}},
			"oe_eval_metrics/arc_easy/acc_raw":    0.25,
			"oe_eval_metrics/arc_easy/no_answer":  0.125,
			"oe_eval_metrics/arc_easy/only_here":  2,
			"oe_eval_metrics/a:b::c/acc_macro":    0.75,
			"oe_eval_metrics/lonely":              0.375,
			"oe_eval_metrics/arc_easy/note":       "text",
			"oe_eval_metrics/arc_easy/not_number": "NaN",
		},
		config: object{
			"pretrain_eval_arc_easy_acc_raw": 0.1, "pretrain_eval_mmlu_acc_raw": 0.2, "pretrain_eval_mmlu_anatomy_acc_raw": 0.3,
			"pretrain_eval_olmes_10_macro_avg_primary_metric": 0.4, "pretrain_eval/dolma_common-crawl-validation/Perplexity": 12.5,
			"pretrain_eval_of_mars": 1, "pretrain_evaluated": true,
		},
	}
	lake := curatedRuns(t, export(t, "e", "2026-01-01T00:00:00Z", run))
	require.Equal(t, rows{
		{"stage", "task", "metric", "value", "other_value", "num_shots"},
		{"ft", "a:b::c", "acc_macro", "0.75", "(null)", "(null)"},
		{"ft", "arc_easy", "acc_raw", "0.25", "(null)", "5"},
		{"ft", "arc_easy", "no_answer", "0", "0.125", "5"},
		{"ft", "arc_easy", "not_number", "NaN", "(null)", "5"},
		{"ft", "arc_easy", "only_here", "2", "(null)", "5"},
		{"ft", "arc_easy", "primary_metric", "0.5", "(null)", "5"},
		{"ft", "lonely", "primary_metric", "0.375", "(null)", "(null)"},
		{"pt", "arc_easy", "acc_raw", "0.1", "(null)", "(null)"},
		{"pt", "dolma_common-crawl", "valppl", "12.5", "(null)", "(null)"},
		{"pt", "mmlu", "acc_raw", "0.2", "(null)", "(null)"},
		{"pt", "mmlu_anatomy", "acc_raw", "0.3", "(null)", "(null)"},
		{"pt", "of_mars", "value", "1", "(null)", "(null)"},
		{"pt", "olmes_10_macro_avg", "primary_metric", "0.4", "(null)", "(null)"},
	}, query(t, lake, "SELECT stage, task, metric, value, other_value, num_shots FROM run_evals ORDER BY ALL"))
	require.Equal(t, rows{{"metric"}, {"no_answer"}}, query(t, lake, "SELECT metric FROM run_evals WHERE is_conflicting"))
	require.Contains(t, must(t, "doctor", lake, nil).csv(), "run evaluations|warning|1 evaluations")
}

// TestMatchedRuns: the pretraining results are those of exactly the checkpoint,
// by SQL that knows nothing of how they were joined.
func TestMatchedRuns(t *testing.T) {
	id := func(steps, seed string) string {
		return fmt.Sprintf("250912-172812_match_150M_c4_finetune_100Mtx1_DD-c4-4M-%s-%s", steps, seed)
	}
	last := query(t, hfLake(t), "SELECT max(step) FROM evals WHERE recipe = 'C4' AND params = '4M' AND seed = 0")[1][0]
	runs := []madeRun{
		{id: id(last, "0"), summary: object{"oe_eval_metrics/piqa": object{"primary_score": 0.625}}},
		{id: id("main", "1")},
		{id: id("17", "0")},
		{id: id(last, "77")},
		{id: strings.Replace(id(last, "0"), "DD-c4", "DD-falcon", 1)},
		{id: strings.Replace(id(last, "0"), "150M_c4", "1B", 1)},
		{id: "2025_08_21-08_24_43_t_DD-c4-4M_somewhere_1M_toks_--learning_rate=1e-4"},
		{id: "unheard"},
	}
	lake := curatedRuns(t, export(t, "e", "2026-01-01T00:00:00Z", runs...))
	why := func(id string) []string {
		got := row(t, lake, "FROM matched_runs WHERE run_id = ?", id)
		return []string{got["pt_match"], got["pt_valppl_match"]}
	}
	require.Equal(t, []string{"exact", "exact"}, why(runs[0].id))
	require.Equal(t, []string{"exact", "exact"}, why(runs[1].id), "main is the final step")
	require.Equal(t, []string{"no such step in evals", "no such step in perplexity"}, why(runs[2].id))
	require.Equal(t, []string{"the seed of the checkpoint is unknown", "the seed of the checkpoint is unknown"}, why(runs[3].id))
	require.Equal(t, []string{"no such run in evals", "no such run in perplexity"}, why(runs[4].id))
	require.Equal(t, []string{"the step somewhere is no number", "the step somewhere is no number"}, why(runs[6].id))
	doctor := must(t, "doctor", lake, nil).csv()
	require.Contains(t, doctor, "run checkpoints|warning|4 W&B runs start from checkpoints without results")
	require.Contains(t, doctor, "run histories|warning|8 W&B runs have gaps")
	require.Len(t, query(t, lake, "FROM matched_runs"), 1+7, "a run of no known type is none of them")

	require.Equal(t, rows{{"n"}, {"2"}}, query(t, lake, `
		SELECT count(*) AS n FROM matched_runs AS m JOIN evals AS e ON e.recipe = 'C4' AND e.params = '4M' AND e.seed = m.ckpt_seed AND e.step = m.pt_step AND e.task = 'piqa'
		JOIN perplexity AS p ON p.recipe = 'C4' AND p.params = '4M' AND p.seed = m.ckpt_seed AND p.step = m.pt_valppl_step
		WHERE m.pt_match = 'exact' AND m.run_type = 'matched' AND m.matched_group_name = '150M / c4_en-valppl / Dolma1.7'
			AND m.pt_piqa_primary_metric = e.primary_metric AND m."pt_pile-valppl" = p."pile-valppl"`))
	require.Equal(t, rows{{"matched_group", "matched_group_name", "n"}, {"1", "150M / c4_en-valppl / Dolma1.7", "5"}, {"2", "1B / pile-valppl / Dolma1.7", "1"}, {"(null)", "(null)", "1"}},
		query(t, lake, "SELECT matched_group, matched_group_name, count(*) AS n FROM matched_runs GROUP BY ALL ORDER BY ALL"))
	require.Equal(t, "0.625", row(t, lake, "FROM matched_runs WHERE run_id = ?", runs[0].id)["ft_piqa_primary_metric"])
}

// TestUnknownRecipe: a name that ddcore does not know stops the build; in the
// id of a run whose shape it does not know, it cannot.
func TestUnknownRecipe(t *testing.T) {
	unknown := madeRun{id: strings.Replace(matchedID, "DD-c4", "DD-marsrock", 1)}
	lake := runLake(t, export(t, "e", "2026-01-01T00:00:00Z", unknown))
	_, err := call(t, "curate", lake, nil)
	fails(t, contract.Violation, err, `recipe "marsrock"`, "1 rows")

	other := madeRun{id: "x_DD-marsrock-4M_whatever"}
	lake = curatedRuns(t, export(t, "e", "2026-01-01T00:00:00Z", other))
	require.Equal(t, "other", row(t, lake, "FROM runs")["run_type"])
	doctor := must(t, "doctor", lake, nil)
	require.Contains(t, doctor.csv(), "run types|warning|x_DD-marsrock-4M_whatever\n")
	require.Contains(t, doctor.csv(), "curate --patterns")
}

// TestPatterns: shapes of one's own, which are part of what a build is made from.
func TestPatterns(t *testing.T) {
	lake := curatedRuns(t, export(t, "e", "2026-01-01T00:00:00Z", madeRun{id: "toy-c4-4M-7e-5"}))
	require.Equal(t, "other", row(t, lake, "FROM runs")["run_type"])
	own := filepath.Join(t.TempDir(), "own.csv")
	require.NoError(t, os.WriteFile(own, []byte("kind,name,run_type,shape\nrule,toy,toy,toy-{ckpt_recipe:recipe}-{ckpt_params:size}-{lr:lr}\n"), 0o666))
	args := object{"patterns": own}
	require.Equal(t, "built", must(t, "curate", lake, args).column(t, "state")[0])
	got := row(t, lake, "FROM runs")
	for name, want := range map[string]string{"run_type": "toy", "rule": "toy", "ckpt_recipe": "C4", "ckpt_params": "4M", "lr": "7e-05", "n_epochs": "1"} {
		require.Equal(t, want, got[name], name)
	}
	require.Equal(t, "up to date", must(t, "curate", lake, args).column(t, "state")[0])

	_, err := call(t, "curate", lake, object{"patterns": own + "x"})
	fails(t, contract.NotFound, err, "own.csvx", "no such patterns file")
	require.NoError(t, os.WriteFile(own, []byte("kind,name,run_type,shape\nrule,toy,toy,{nothing}\n"), 0o666))
	_, err = call(t, "curate", lake, args)
	fails(t, contract.Invalid, err, "own.csv line 2", "nothing")
	require.Equal(t, "toy", row(t, lake, "FROM runs")["run_type"], "the former tables are untouched")
}
