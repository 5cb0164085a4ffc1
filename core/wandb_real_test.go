package core_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRealRuns holds the six real runs, in both layouts, against numbers that
// were read off the files by hand.
func TestRealRuns(t *testing.T) {
	data := realData(t)
	lake := filepath.Join(t.TempDir(), "runs.lake")
	must(t, "ingest", lake, object{"paths": []string{filepath.Join(data, "hf"), filepath.Join(data, "wandb")}})
	must(t, "curate", lake, nil)

	t.Run("types", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(data, "expected", "classification.json"))
		require.NoError(t, err)
		var expected []map[string]string
		require.NoError(t, json.Unmarshal(text, &expected))
		for _, want := range expected {
			got := row(t, lake, "SELECT run_type, rule, rule_fields ->> 'timestamp' AS ts, exp_name FROM runs WHERE run_id = ?", want["run_id"])
			require.Equal(t, want["run_type"], got["run_type"])
			require.NotEqual(t, "(null)", got["rule"])
			if want["timestamp"] != "" {
				require.Equal(t, want["timestamp"], got["ts"])
				require.Equal(t, want["exp_name"], got["exp_name"])
			}
		}
	})
	t.Run("both layouts are one", func(t *testing.T) {
		require.Equal(t, rows{{"n", "copies", "differences"}, {"6", "12", "0"}},
			query(t, lake, "SELECT count(*) AS n, sum(n_copies)::BIGINT AS copies, sum(n_differences)::BIGINT AS differences FROM runs"))
		require.Equal(t, rows{{"n"}, {"2549"}}, query(t, lake, "SELECT count(*) AS n FROM run_history"))
		require.Equal(t, rows{{"n"}, {"2549"}}, query(t, lake, "SELECT sum(n_repeats)::BIGINT AS n FROM run_gaps"))
	})
	t.Run("normalised", func(t *testing.T) {
		for id, want := range map[string]map[string]string{
			"2025_08_18%": {"state": "crashed", "run_type": "old", "rule": "main_default", "ckpt_recipe": "Dolma1.7", "ckpt_params": "4M", "ckpt_steps": "main", "lr": "0.0001", "n_epochs": "2", "ft_tokens": "(null)", "num_finetuned_tokens_real": "620370269", "wall_seconds": "33617.955396386", "ft_seed": "42", "comparison_metric": "(null)"},
			"2025_08_21%": {"ckpt_recipe": "Dolma1.7", "lr": "5e-07", "n_epochs": "1", "tokens_per_epoch": "1000000", "ft_tokens": "1000000", "ft_tokens_rule": "per epoch x epochs", "num_finetuned_tokens_real": "(null)", "wall_seconds": "90", "max_train_samples": "1400"},
			"2025_08_27%": {"method": "dpo", "ft_tokens": "100000000", "ft_tokens_rule": "named", "lr": "2e-07", "ft_lr": "5e-06", "dpo_beta": "5", "dpo_loss_type": "dpo_norm", "ckpt_params": "4M"},
			"2025_08_30%": {"tokens_per_epoch": "665127434", "n_epochs": "2", "ft_tokens": "1330254868", "ft_tokens_rule": "full fine-tune", "num_finetuned_tokens_real": "665079539", "lr": "5e-05"},
			"250901%":     {"ckpt_recipe": "DCLM-Baseline", "ckpt_params": "150M", "ckpt_steps": "main", "ft_tokens": "1330254868", "num_finetuned_tokens_real": "1330254868", "lr": "5e-05", "ft_seed": "(null)", "wall_seconds": "74686.287420923"},
			"250912%":     {"ckpt_recipe": "Dolma1.7", "ckpt_params": "530M", "ckpt_steps": "6250", "ckpt_seed": "2", "comparison_params": "150M", "comparison_metric": "c4_en-valppl", "comparison_recipe": "Dolma1.7", "ft_tokens": "100000000", "num_finetuned_tokens_real": "91330008", "lr": "5e-06", "ft_seed": "8", "max_train_samples": "140000"},
		} {
			got := row(t, lake, "SELECT * FROM runs WHERE run_id LIKE ?", id)
			for name := range want {
				requireSame(t, want[name], got[name], id+" "+name)
			}
		}
		require.Equal(t, "2025-09-12 17:28:12|2025-09-13 00:30:23|2025-09-13 00:30:22.75167",
			query(t, lake, `SELECT concat_ws('|', named_at, created_at AT TIME ZONE 'UTC', started_at AT TIME ZONE 'UTC') FROM runs WHERE run_id LIKE '250912%'`)[1][0])
	})
	t.Run("gaps", func(t *testing.T) {
		empty := row(t, lake, "SELECT * FROM run_gaps WHERE run_id LIKE '2025_08_21%'")
		require.Equal(t, "0", empty["n_rows"])
		require.Equal(t, "false", empty["is_complete"])
		require.Contains(t, empty["gaps"], "no history")
		require.Equal(t, rows{{"n"}, {"5"}}, query(t, lake, "SELECT count(*) AS n FROM run_gaps WHERE is_complete AND n_missing_steps = 0"))
		resumed := query(t, lake, "SELECT run_id[:10] FROM run_gaps WHERE n_token_resets = 1 ORDER BY ALL")
		require.Equal(t, rows{{"run_id[:10]"}, {"2025_08_18"}, {"2025_08_30"}}, resumed)
	})
	t.Run("losses of older runs are sums, as docs/predict.md says", func(t *testing.T) {
		require.Equal(t, rows{{"run_type", "least", "most"}, {"dpo", "0", "1"}, {"matched", "1", "1"}, {"old", "3919", "4429"}, {"simple_ft", "1", "3"}}, query(t, lake, `
			SELECT run_type, min(train_loss)::INTEGER AS least, max(train_loss)::INTEGER AS most
			FROM run_history JOIN runs USING (project, run_id) GROUP BY ALL ORDER BY ALL`))
	})
	t.Run("evaluations", func(t *testing.T) {
		got := row(t, lake, "SELECT * FROM run_evals WHERE run_id LIKE '2025_08_21%' AND stage = 'ft' AND task = 'arc_easy' AND metric = 'primary_metric'")
		require.Equal(t, "0.3042929293", got["value"])
		require.Equal(t, "acc_per_char", got["primary_metric_name"])
		require.Equal(t, "5", got["num_shots"])
		require.Equal(t, "2376", got["num_instances"])
		require.Equal(t, "arc_easy:rc::olmes:full", got["task_alias"])
		require.Equal(t, rows{{"n"}, {"0"}}, query(t, lake, "SELECT count(*) AS n FROM run_evals WHERE is_conflicting"))
		require.Equal(t, rows{{"pt"}, {"215.0975952148"}}, query(t, lake, "SELECT value AS pt FROM run_evals WHERE run_id LIKE '2025_08_18%' AND stage = 'pt' AND task = 'ice' AND metric = 'valppl'"))
	})
	t.Run("the checkpoint as the runs recorded it", func(t *testing.T) {
		// The runs' configuration rounds to ten decimals what evals has at the
		// step that "main" was taken for.
		require.Equal(t, rows{{"n", "off"}, {"27", "0"}}, query(t, lake, `
			SELECT count(*) AS n, count(*) FILTER (abs(e.value - m.value) > 1e-10) AS off
			FROM run_evals AS e JOIN (UNPIVOT (SELECT project, run_id, COLUMNS('pt_.*_primary_metric') FROM matched_runs) ON COLUMNS('pt_.*') INTO NAME c VALUE value) AS m
				USING (project, run_id)
			WHERE e.stage = 'pt' AND e.metric = 'primary_metric' AND m.c = 'pt_' || e.task || '_primary_metric'`))
		require.Equal(t, rows{{"n", "off"}, {"33", "0"}}, query(t, lake, `
			SELECT count(*) AS n, count(*) FILTER (abs(e.value - m.value) > 1e-10) AS off
			FROM run_evals AS e JOIN (UNPIVOT (SELECT project, run_id, COLUMNS('pt_.*-valppl') FROM matched_runs) ON COLUMNS('pt_.*') INTO NAME c VALUE value) AS m
				USING (project, run_id)
			WHERE e.stage = 'pt' AND e.metric = 'valppl' AND m.c = 'pt_' || e.task || '-valppl'`))
	})
	t.Run("matched", func(t *testing.T) {
		got := row(t, lake, "SELECT * FROM matched_runs WHERE run_id LIKE '250912%'")
		require.Equal(t, "1", got["matched_group"])
		require.Equal(t, "150M / c4_en-valppl / Dolma1.7", got["matched_group_name"])
		require.Equal(t, "no such run in evals", got["pt_match"])
		require.Equal(t, "0.45496633", got["ft_arc_easy_primary_metric"])
		require.Equal(t, rows{{"pt_match", "pt_step", "pt_valppl_match", "pt_valppl_step"}, {"exact", "5725", "exact", "5725"}},
			query(t, lake, "SELECT DISTINCT pt_match, pt_step, pt_valppl_match, pt_valppl_step FROM matched_runs WHERE ckpt_params = '4M'"))
		require.Equal(t, "old", row(t, lake, "SELECT run_type FROM runs ANTI JOIN matched_runs USING (project, run_id)")["run_type"])
	})
}

// TestLayoutsAgree: each layout alone gives the same tables, whatever the order
// in which its files come in.
func TestLayoutsAgree(t *testing.T) {
	data := realData(t)
	legacy := filepath.Join(t.TempDir(), "legacy.lake")
	must(t, "ingest", legacy, object{"paths": []string{filepath.Join(data, "wandb", "legacy")}})
	must(t, "curate", legacy, nil)
	v3 := filepath.Join(t.TempDir(), "v3.lake")
	for _, file := range []string{"state.json", "history.jsonl", "manifest.json", "runs.jsonl"} {
		must(t, "ingest", v3, object{"paths": []string{filepath.Join(data, "wandb", "v3", "data", "ft_scaling_sample", file)}})
	}
	must(t, "curate", v3, nil)
	for _, sql := range []string{
		"SELECT * EXCLUDE (exports) FROM runs ORDER BY run_id",
		"SELECT * FROM run_history ORDER BY run_id, step",
		"SELECT * FROM run_evals ORDER BY run_id, stage, task, metric",
		"SELECT * FROM run_curves ORDER BY run_id",
		"SELECT * FROM run_gaps ORDER BY run_id",
		"SELECT * FROM matched_runs ORDER BY run_id",
	} {
		want := query(t, legacy, sql)
		require.Greater(t, len(want), 5, sql)
		require.Equal(t, want, query(t, v3, sql), sql)
	}
}
