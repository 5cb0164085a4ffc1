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

// ladderCSV writes a run of the ladder: a header and rows.
func ladderCSV(t testing.TB, dir, name string, lines ...string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o777))
	path := filepath.Join(dir, name+".csv")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o666))
	return path
}

const (
	ladderMMLU   = "eval/downstream/mmlu_stem_val_rc_5shot_acc,eval/downstream/mmlu_humanities_val_rc_5shot_acc,eval/downstream/mmlu_social_sciences_val_rc_5shot_acc,eval/downstream/mmlu_other_val_rc_5shot_acc"
	ladderHeader = "_step," + ladderMMLU + ",throughput/total_tokens,batch_size_in_tokens"
)

// TestLadderByHand: both rules for tokens, MMLU's average, reruns, a run
// without a step and a size that nobody knows.
func TestLadderByHand(t *testing.T) {
	dir := t.TempDir()
	ladderCSV(t, dir, "190M-1xC", ladderHeader, "10,0.25,0.5,0.75,1,1000,64", "20,0.25,0.5,0.75,,2000,64", "30,by me@example.org,0.5,0.75,1,3000,64")
	ladderCSV(t, dir, "190M-1xC-rerun", ladderHeader, "10,0.5,0.5,0.5,0.5,1001,64")
	ladderCSV(t, dir, "peteish13_medlr", "_step,"+ladderMMLU+",batch_size_in_tokens", "5,0,0,0,1,64")
	ladderCSV(t, dir, "peteish7_eval_anneal", "throughput/total_tokens,"+ladderMMLU+",eval/new", "77,0,0,0,1,2")
	lake := build(t, dir)
	require.Equal(t, rows{
		{"run", "size", "params_exact", "multiple", "is_rerun", "is_fitted", "is_target", "n_checkpoints", "last_step", "tokens", "compute"},
		{"190M-1xC", "190M", "190354176", "1", "false", "true", "false", "2", "20", "2000", fmt.Sprint(2000 * 1903391232.0)},
		{"190M-1xC-rerun", "190M", "190354176", "1", "true", "false", "false", "1", "10", "1001", fmt.Sprint(1001 * 1903391232.0)},
		{"peteish13_medlr", "13B", "(null)", "(null)", "false", "false", "false", "1", "5", "320", "(null)"},
		{"peteish7_eval_anneal", "7B", "6887575552", "(null)", "false", "false", "true", "1", "(null)", "77", fmt.Sprint(77 * 49412071424.0)},
	}, query(t, lake, "SELECT run, size, params_exact, multiple, is_rerun, is_fitted, is_target, n_checkpoints, last_step, tokens, compute FROM ladder_runs ORDER BY run"))
	require.Equal(t, rows{
		{"run", "step", "tokens", "split", "prompt_format", "measure", "value"},
		{"190M-1xC", "10", "1000", "val", "rc", "acc", "0.625"},
		{"190M-1xC-rerun", "10", "1001", "val", "rc", "acc", "0.5"},
		{"peteish13_medlr", "5", "320", "val", "rc", "acc", "0.25"},
		{"peteish7_eval_anneal", "(null)", "77", "val", "rc", "acc", "0.25"},
	}, query(t, lake, "SELECT run, step, tokens, split, prompt_format, measure, value FROM curves WHERE task = 'mmlu_average' ORDER BY run, tokens"))
	require.Equal(t, rows{{"n"}, {"20"}}, query(t, lake, "SELECT count(*) AS n FROM curves WHERE task <> 'mmlu_average' OR task IS NULL"), "4 + 3 + 4 + 4 + 4 values of MMLU, 1 of eval/new; the reject has none")
	require.Equal(t, []string{"2"}, must(t, "rejects", lake, nil).column(t, "row"))
	require.Regexp(t, `^30,by user-[0-9a-f]+@example.invalid,0.5,0.75,1,3000,64$`, must(t, "rejects", lake, nil).column(t, "text")[0], "a reject's text is redacted")
	require.Equal(t, []string{"1"}, must(t, "redactions", lake, nil).column(t, "n"))
}

// TestLadderIngest: by content, and a changed file replaces its rows.
func TestLadderIngest(t *testing.T) {
	dir := t.TempDir()
	path := ladderCSV(t, dir, "190M-1xC", ladderHeader, "10,0.25,0.5,0.75,1,1000,64")
	lake := build(t, dir)
	args := map[string]any{"paths": []string{dir}}
	require.Equal(t, []string{"unchanged"}, must(t, "ingest", lake, args).column(t, "state"))
	ladderCSV(t, dir, "190M-1xC", ladderHeader, "10,0.25,0.5,0.75,1,1000,64", "11,0.25,0.5,0.75,1,1100,64")
	require.Equal(t, []string{"replaced"}, must(t, "ingest", lake, args).column(t, "state"))
	require.Equal(t, rows{{"_row", "_step"}, {"0", "10"}, {"1", "11"}}, query(t, lake, "SELECT _row, _step FROM raw.ladder_checkpoints ORDER BY _row"))

	other := ladderCSV(t, filepath.Join(dir, "other"), "190M-1xC", ladderHeader, "10,0.5,0.5,0.75,1,1000,64")
	must(t, "ingest", lake, args)
	_, err := call(t, "curate", lake, nil)
	fails(t, contract.Violation, err, "190M-1xC", "190M-1xC.csv and other/190M-1xC.csv", "rename one of the files")
	require.NoError(t, os.Remove(other))
	must(t, "ingest", lake, map[string]any{"paths": []string{dir}, "prune": true})
	must(t, "curate", lake, nil)

	ladderCSV(t, dir, "bad", "_step,"+ladderMMLU, "1,1,1,1,1")
	_, err = call(t, "ingest", lake, args)
	fails(t, contract.Invalid, err, "bad.csv", "it resembles raw.ladder_checkpoints, but there is no throughput/total_tokens")
	require.NoError(t, os.WriteFile(path, []byte("a,b\n1,2\n"), 0o666))
	_, err = call(t, "ingest", lake, map[string]any{"paths": []string{path}})
	fails(t, contract.Invalid, err, "190M-1xC.csv", "of no known source", "OLMo ladder")
}

// TestPublishedLadder holds the real files against their index, and the lake's
// values against the text of the files.
func TestPublishedLadder(t *testing.T) {
	data := realData(t)
	lake := build(t, filepath.Join(data, "ladder"))
	index := filepath.Join(data, "ladder", "index.csv")
	require.Empty(t, query(t, lake, `
		SELECT * FROM read_csv(?) AS i LEFT JOIN ladder_runs AS r ON i.file = 'runs/' || r.run || '.csv'
		WHERE r.run IS NULL OR r.n_checkpoints <> i.rows OR r.last_step IS DISTINCT FROM i.last_step OR r.first_step IS DISTINCT FROM i.first_step
			OR r.multiple IS DISTINCT FROM i.chinchilla_multiple OR r.is_rerun <> i.rerun
			OR r.size <> if(i.family = 'peteish7', '7B', i.family)
			OR i.last_total_tokens IS NOT NULL AND r.tokens <> i.last_total_tokens
			OR i.last_total_tokens IS NULL AND r.tokens <> i.last_step * 4194304`, index)[1:])
	require.Empty(t, query(t, lake, `
		SELECT m.label, r.run FROM (SELECT *, unnest(string_split(files, ' ')) AS file FROM read_csv(?)) AS m
		FULL JOIN (FROM ladder_runs WHERE is_fitted OR is_target) AS r ON m.file = 'runs/' || r.run || '.csv'
		WHERE m.label IS DISTINCT FROM r.model_label OR m.n_params IS DISTINCT FROM r.params_exact OR m.flops_per_token IS DISTINCT FROM r.flops_per_token
			OR (m.role = 'fit') IS DISTINCT FROM r.is_fitted`, filepath.Join(data, "ladder", "models.csv"))[1:])
	files := filepath.Join(data, "ladder", "runs", "*.csv")
	const text = `(UNPIVOT (FROM read_csv(?, union_by_name = true, all_varchar = true, filename = true)) ON COLUMNS('^(eval|optim)/|Gflops') INTO NAME metric VALUE value)`
	counts := query(t, lake, `
		SELECT count(*) AS n, count(*) FILTER (c.value = t.value::DOUBLE) AS same FROM `+text+` AS t
		LEFT JOIN curves AS c ON c.run = parse_filename(t.filename, true) AND c.metric = t.metric
			AND c.tokens = coalesce(t."throughput/total_tokens"::DOUBLE, t._step::DOUBLE * t.batch_size_in_tokens::DOUBLE)`, files)[1]
	require.Equal(t, counts[0], counts[1])
	require.NotEqual(t, "0", counts[0])
}
