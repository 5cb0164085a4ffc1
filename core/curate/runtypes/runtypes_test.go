package runtypes_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"ddcore/core/contract"
	"ddcore/core/curate/runtypes"

	"github.com/stretchr/testify/require"
)

func builtIn(t testing.TB) *runtypes.Rules {
	t.Helper()
	rules, err := runtypes.Load("", "")
	require.NoError(t, err)
	return rules
}

const (
	ts8 = "2025_08_21-08_24_43"
	ts6 = "250912-172812"
)

// shapes has for each rule, in their order, an id that only it may take, and
// near misses that it may not.
var shapes = []struct {
	rule, runType string
	id            string
	fields        map[string]string
	misses        []string
}{
	{
		"ft_steps_tokens_epochs", "simple_ft_vary_tokens", ts8 + "_test_finetune_DD-dolma1_7-4M_main_10Mtx3_--learning_rate=5e-07",
		map[string]string{"timestamp": ts8, "exp_name": "test_finetune", "ckpt_recipe": "dolma1_7", "ckpt_params": "4M", "ckpt_steps": "main", "tokens_per_epoch": "10M", "epochs": "3", "lr": "5e-07"},
		[]string{ts6 + "_test_DD-c4-4M_main_10Mtx3_--learning_rate=5e-07", ts8 + "_test_DD-c4-4M_main_10Gtx3_--learning_rate=5e-07", ts8 + "_test_DD-c4-4M_main_10Mtx_--learning_rate=5e-07", ts8 + "_test_DD-c4-4M_10Mtx3_--learning_rate=5e-07"},
	},
	{
		"ft_steps_tokens", "simple_ft_vary_tokens", ts8 + "_t_DD-c4-1B_step1250_100B_toks_--learning_rate=0.0001",
		map[string]string{"timestamp": ts8, "exp_name": "t", "ckpt_recipe": "c4", "ckpt_params": "1B", "ckpt_steps": "step1250", "tokens_per_epoch": "100B", "lr": "0.0001"},
		[]string{ts8 + "_t_DD-c4-1B_main_100G_toks_--learning_rate=0.1", ts8 + "_t_DD-c4-1B_main_100M_toks_learning_rate=0.1"},
	},
	{
		"ft_full", "simple_ft", ts8 + "_test_finetune_DD-dolma1_7-4M_Ft_--learning_rate=5e-05",
		map[string]string{"timestamp": ts8, "exp_name": "test_finetune", "ckpt_recipe": "dolma1_7", "ckpt_params": "4M", "lr": "5e-05"},
		[]string{ts8 + "_t_DD-dclm-baseline-4M_Ft_--learning_rate=5e-05", ts8 + "_t_DD-c4-4M_Ft_learning_rate=5e-05", ts8 + "_t_DD-c4-4M_ft_--learning_rate=5e-05"},
	},
	{
		"ft_full_dashed", "simple_ft", "250901-155734_test_finetune_DD-dclm-baseline-25p-dolma1.7-75p-150M_Ft_learning_rate=5e-05",
		map[string]string{"timestamp": "250901-155734", "exp_name": "test_finetune", "ckpt_recipe": "dclm-baseline-25p-dolma1.7-75p", "ckpt_params": "150M", "lr": "5e-05"},
		[]string{ts6 + "_t_DD-c4-4M_Ft_--learning_rate=5e-05", ts6 + "_t_DD-c4-4K_Ft_learning_rate=5e-05"},
	},
	{
		"ft_tokens_checkpoint", "simple_ft_vary_tokens", ts6 + "_sweep_10Mtx1_DD-d17-530M-6250-2_lr=5e-06",
		map[string]string{"timestamp": ts6, "exp_name": "sweep", "tokens_per_epoch": "10M", "epochs": "1", "ckpt_recipe": "d17", "ckpt_params": "530M", "ckpt_steps": "6250", "ckpt_seed": "2", "lr": "5e-06"},
		[]string{ts6 + "_sweep_10Mtx1_DD-d17-530M-6250_lr=5e-06", ts6 + "_sweep_10Mtx1_DD-d17-530M-6250-2", ts6 + "_sweep_10Mtx1_DD-d17-530M-6250-x_lr=5e-06"},
	},
	{
		"ft_full_checkpoint", "simple_ft", ts6 + "_sweep_Ft_DD-d17-530M-6250-14_lr=5e-06",
		map[string]string{"timestamp": ts6, "exp_name": "sweep", "ckpt_recipe": "d17", "ckpt_params": "530M", "ckpt_steps": "6250", "ckpt_seed": "14", "lr": "5e-06"},
		[]string{ts6 + "_sweep_Ft_DD-d17-530M-6250-14_lr=", ts8 + "_sweep_Ft_DD-d17-530M-6250-14_lr=5e-06"},
	},
	{
		"matched_metric_tokens", "matched", ts6 + "_match_150M_c4_finetune_100Mtx1_DD-d17-530M-6250-2",
		map[string]string{"timestamp": ts6, "exp_name": "match", "comparison_params": "150M", "comparison_metric": "c4", "tokens_per_epoch": "100M", "epochs": "1", "ckpt_recipe": "d17", "ckpt_params": "530M", "ckpt_steps": "6250", "ckpt_seed": "2"},
		[]string{ts6 + "_match_150M_c4_finetune_100Btx1_DD-d17-530M-6250-2", ts6 + "_match_150M_c4_finetune_100Mtx1_DD-d17-530M-6250-2_x", ts6 + "_150M_c4_finetune_100Mtx1_DD-d17-530M-6250-2"},
	},
	{
		"matched_metric_full", "matched", ts6 + "_match_it_1B_dolma_common-crawl_finetune_Ft_DD-c4-90M-2500-5",
		map[string]string{"timestamp": ts6, "exp_name": "match_it", "comparison_params": "1B", "comparison_metric": "dolma_common-crawl", "ckpt_recipe": "c4", "ckpt_params": "90M", "ckpt_steps": "2500", "ckpt_seed": "5"},
		[]string{ts6 + "_match_1B_c4_finetune_Ft_DD-dclm-baseline-90M-2500-5"},
	},
	{
		"matched_tokens", "matched", ts6 + "_match_150M_finetune_1Gtx2_DD-c4-90M-2500-5",
		map[string]string{"timestamp": ts6, "exp_name": "match", "comparison_params": "150M", "tokens_per_epoch": "1G", "epochs": "2", "ckpt_recipe": "c4", "ckpt_params": "90M", "ckpt_steps": "2500", "ckpt_seed": "5"},
		[]string{ts6 + "_match_finetune_1Gtx2_DD-c4-90M-2500-5"},
	},
	{
		"matched_tokens_lr", "matched", ts6 + "_match_150M_finetune_1Gtx2_DD-c4-90M-2500-5_lr=1e-05",
		map[string]string{"timestamp": ts6, "exp_name": "match", "comparison_params": "150M", "tokens_per_epoch": "1G", "epochs": "2", "ckpt_recipe": "c4", "ckpt_params": "90M", "ckpt_steps": "2500", "ckpt_seed": "5", "lr": "1e-05"},
		[]string{ts6 + "_match_150M_finetune_1Gtx2_DD-c4-90M-2500-5_learning_rate=1e-05"},
	},
	{
		"matched_full", "matched", ts6 + "_match_150M_finetune_Ft_DD-c4-90M-2500-5",
		map[string]string{"timestamp": ts6, "exp_name": "match", "comparison_params": "150M", "ckpt_recipe": "c4", "ckpt_params": "90M", "ckpt_steps": "2500", "ckpt_seed": "5"},
		[]string{ts8 + "_match_150M_finetune_Ft_DD-c4-90M-2500-5"},
	},
	{
		"matched_recipe", "matched", ts6 + "_match_DD-dclm-baseline-150M_Ft_DD-c4-90M-2500-5_lr=1e-05",
		map[string]string{"timestamp": ts6, "exp_name": "match", "comparison_recipe": "dclm-baseline", "comparison_params": "150M", "ckpt_recipe": "c4", "ckpt_params": "90M", "ckpt_steps": "2500", "ckpt_seed": "5", "lr": "1e-05"},
		[]string{ts6 + "_match_DD-dclm-baseline-150M_Ft_DD-c4-90M-2500-5", ts6 + "_match_DD-150M_Ft_DD-c4-90M-2500-5_lr=1e-05"},
	},
	{
		"matched_recipe_ts8", "matched", ts8 + "_match_DD-d17-150M_Ft_DD-c4-90M-main-5_lr=1e-05",
		map[string]string{"timestamp": ts8, "exp_name": "match", "comparison_recipe": "d17", "comparison_params": "150M", "ckpt_recipe": "c4", "ckpt_params": "90M", "ckpt_steps": "main", "ckpt_seed": "5", "lr": "1e-05"},
		[]string{ts8 + "_match_DD-d17-150M_Ft_DD-c4-90M-2500-5_lr=1e-05x"},
	},
	{"matched_full_lr", "matched", "", nil, nil}, // see TestShadowedRule
	{
		"reduce_loss", "reduce_type", ts8 + "_test_DD-dolma1_7-10M_main_default_--max_train_samples=1400_--reduce_loss=mean",
		map[string]string{"timestamp": ts8, "exp_name": "test", "ckpt_recipe": "dolma1_7", "ckpt_params": "10M", "ckpt_steps": "main", "max_train_samples": "1400", "reduce_loss": "mean"},
		[]string{ts8 + "_test_DD-dolma1_7-10M_main_default_--reduce_loss=mean", ts8 + "_test_DD-dolma1_7-10M_main_default_--max_train_samples=1400_--reduce_loss="},
	},
	{
		"dpo_checkpoint", "dpo", ts8 + "_dpo_test_DD-dolma1_7-10M_main_default",
		map[string]string{"timestamp": ts8, "exp_name": "dpo_test", "ckpt_recipe": "dolma1_7", "ckpt_params": "10M", "ckpt_steps": "main"},
		[]string{ts8 + "_dpo_test_DD-dolma1_7-10M_default", ts8 + "_dpo_test_DD-dolma1_7-10M_main_default_", ts8 + "_dpo_test_dd-dolma1_7-10M_main_default"},
	},
	{
		"dpo_finetuned", "dpo", "2025_08_27-07_52_26_test_dpo_tune_cache_dd__dolma1_7-4M__main__100Mt_lr=5e-06_default_--learning_rate=2e-07",
		map[string]string{"timestamp": "2025_08_27-07_52_26", "exp_name": "test_dpo_tune_cache", "ckpt_recipe": "dolma1_7", "ckpt_params": "4M", "ckpt_steps": "main", "ft_tokens": "100Mt", "ft_lr": "5e-06", "lr": "2e-07"},
		[]string{ts8 + "_dpo_dd__dolma1_7-4M__main__100Bt_lr=5e-06_default_--learning_rate=2e-07", ts8 + "_dpo_dd__dolma1_7-4M__main__100M_lr=5e-06_default_--learning_rate=2e-07"},
	},
}

func TestShapes(t *testing.T) {
	rules := builtIn(t)
	require.Len(t, shapes, 17)
	for i, s := range shapes {
		require.Equal(t, s.rule, rules.Names()[i], "the order of the rules is part of their meaning")
		if s.id == "" {
			continue
		}
		require.Equal(t, runtypes.Match{RunType: s.runType, Rule: s.rule, Fields: s.fields}, rules.Classify(s.id), s.id)
		for _, miss := range append(s.misses, " "+s.id, s.id+" ", s.id+"\n", "x"+s.id, s.id[1:]) {
			require.NotEqual(t, s.rule, rules.Classify(miss).Rule, "%q", miss)
		}
	}
}

// TestShadowedRule: letters, digits and _ of an experiment's name can hold
// "150M_finetune", so that the first rule that fits is one for plain runs. That
// is what "first match in this order" says; a user's file can put it otherwise.
func TestShadowedRule(t *testing.T) {
	full, tokens := ts6+"_match_150M_finetune_Ft_DD-c4-90M-2500-5_lr=1e-05", ts6+"_match_150M_finetune_10Mtx2_DD-c4-90M-2500-5_lr=1e-05"
	rules := builtIn(t)
	require.Equal(t, "ft_full_checkpoint", rules.Classify(full).Rule)
	require.Equal(t, "ft_tokens_checkpoint", rules.Classify(tokens).Rule)

	own := "kind,name,run_type,shape\nrule,ft_full_checkpoint,simple_ft,\nrule,ft_tokens_checkpoint,simple_ft_vary_tokens,\n"
	rules, err := runtypes.Load("own.csv", own)
	require.NoError(t, err)
	m := rules.Classify(full)
	require.Equal(t, "matched_full_lr", m.Rule)
	require.Equal(t, "150M", m.Fields["comparison_params"])
	require.Equal(t, "match", m.Fields["exp_name"])
	require.Equal(t, "1e-05", m.Fields["lr"])
	require.Equal(t, "matched_tokens_lr", rules.Classify(tokens).Rule)
}

// TestAmbiguous: where more than one reading is possible, this is the one taken.
func TestAmbiguous(t *testing.T) {
	rules := builtIn(t)
	m := rules.Classify(ts6 + "_a_60M_150M_finetune_1Mtx1_DD-c4-4M-100-2")
	require.Equal(t, "matched_tokens", m.Rule, "a metric does not start with a digit")
	require.Equal(t, "a_60M", m.Fields["exp_name"])
	require.Equal(t, "150M", m.Fields["comparison_params"])
	m = rules.Classify(ts8 + "_a_DD-c4-4M_Ft_DD-d17-90M-2500-5_lr=1e-05")
	require.Equal(t, "matched_recipe_ts8", m.Rule)
}

func TestOldAndOther(t *testing.T) {
	rules := builtIn(t)
	for id, want := range map[string]runtypes.Match{
		"2025_08_18-22_30_05_allenai--DataDecide-dolma1_7-4M_main_default": {RunType: "old", Rule: "main_default"},
		"x_main_default_y":                  {RunType: "old", Rule: "main_default"},
		"x_dpo_main_default":                {RunType: "other"},
		"x_main_default_--reduce_loss=sum":  {RunType: "other"},
		"":                                  {RunType: "other"},
		"k3j9x2ab":                          {RunType: "other"},
		ts8 + "_test_DD-c4-4M_main_default": {RunType: "dpo", Rule: "dpo_checkpoint"},
		ts8 + "_test_DD-c4-4M_main_default_and_so_on":   {RunType: "old", Rule: "main_default"},
		ts8 + "_test_DD-c4-4M_main_MAIN_DEFAULT":        {RunType: "other"},
		ts8 + "_test_DD-c4-4M_main_default\x00_default": {RunType: "old", Rule: "main_default"},
	} {
		got := rules.Classify(id)
		require.Equal(t, want.RunType, got.RunType, "%q", id)
		require.Equal(t, want.Rule, got.Rule, "%q", id)
	}
}

// TestRealRuns holds the six real runs against the answers of the pipeline that
// ddcore replaces, every field of them.
func TestRealRuns(t *testing.T) {
	data := os.Getenv("DDCORE_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	text, err := os.ReadFile(filepath.Join(data, "expected", "classification.json"))
	if err != nil {
		t.Skip("no real data: set DDCORE_DATA to its folder")
	}
	var runs []map[string]string
	require.NoError(t, json.Unmarshal(text, &runs))
	require.Len(t, runs, 6)
	names := map[string]string{
		"initial_checkpoint_recipe": "ckpt_recipe", "initial_checkpoint_size": "ckpt_params", "initial_checkpoint_steps": "ckpt_steps",
		"num_finetune_tokens_per_epoch": "tokens_per_epoch", "num_finetune_epochs": "epochs", "num_finetune_tokens": "ft_tokens",
		"comparison_model_size": "comparison_params", "seed": "ckpt_seed", "lr1": "ft_lr", "lr2": "lr",
	}
	for _, run := range runs {
		want := map[string]string{}
		for name, value := range run {
			if ours, ok := names[name]; ok {
				name = ours
			}
			want[name] = value
		}
		m := builtIn(t).Classify(run["run_id"])
		require.Equal(t, run["run_type"], m.RunType)
		for _, name := range []string{"run_id", "run_type", "pattern_name"} {
			delete(want, name)
		}
		require.Equal(t, len(want), len(m.Fields), "%v", m)
		for name := range want {
			require.Equal(t, want[name], m.Fields[name], name)
		}
	}
}

func TestOwnPatterns(t *testing.T) {
	rules, err := runtypes.Load("own.csv", `kind,name,run_type,shape
# mine
piece,letters,,[a-z]+
rule,mine,toy,toy_{exp_name:letters}_{count}
rule,dpo_checkpoint,toy,{timestamp:ts8}_{exp_name:exp}
holds,main_default,ancient,main_default
`)
	require.NoError(t, err)
	require.Equal(t, "mine", rules.Names()[0])
	require.Len(t, rules.Names(), 19)
	require.Equal(t, runtypes.Match{RunType: "toy", Rule: "mine", Fields: map[string]string{"exp_name": "abc"}}, rules.Classify("toy_abc_12"))
	require.Equal(t, "other", rules.Classify("toy_abc").RunType)
	require.Equal(t, "toy", rules.Classify(ts8+"_x").RunType)
	require.Equal(t, "ancient", rules.Classify("dpo_main_default").RunType)
	require.NotEqual(t, builtIn(t).Text(), rules.Text())
	require.Contains(t, rules.Fields(), "exp_name")
}

func TestBrokenPatterns(t *testing.T) {
	const head = "kind,name,run_type,shape\n"
	for text, parts := range map[string][]string{
		"a,b\n":                             {"own.csv", "wrong number of fields"},
		"name,kind,run_type,shape\n":        {"own.csv", "first line"},
		head + "thing,a,b,c\n":              {"own.csv line 2", `"thing"`},
		head + "rule,,b,c\n":                {"line 2", "no name"},
		head + "rule,a,,c\n":                {"line 2", "no run_type"},
		head + "\n# x\nrule,a,b,{nope}\n":   {"line 4", "nope"},
		head + "rule,a,b,c\nrule,a,b,d\n":   {"line 3", "twice"},
		head + "piece,a,,(\n":               {"line 2", "regular expression"},
		head + "piece,a,,x)|(y\n":           {"line 2", "regular expression"},
		head + "rule,a,b,{x\n":              {"line 2", "brace"},
		head + "rule,a,b,{}\n":              {"line 2", "brace"},
		head + "rule,a,b,\"{f:ts6\"\"}\"\n": {"line 2", "brace"},
		head + "rule,a,b,\"c\n":             {"own.csv"},
	} {
		_, err := runtypes.Load("own.csv", text)
		e := contract.AsError(err)
		require.NotNil(t, e, text)
		require.Equal(t, contract.Invalid, e.Kind, text)
		require.NotEmpty(t, e.Hint)
		for _, p := range parts {
			require.Contains(t, e.Error(), p)
		}
	}
}

// FuzzClassify: a rule that fits gives back the id when its fields are put in
// the places where they stood, in order.
func FuzzClassify(f *testing.F) {
	for _, s := range shapes {
		f.Add(s.id)
	}
	rules := builtIn(f)
	f.Fuzz(func(t *testing.T, id string) {
		m := rules.Classify(id)
		require.Equal(t, m, rules.Classify(id))
		require.NotEmpty(t, m.RunType)
		for name, value := range m.Fields {
			require.NotEmpty(t, value, name)
			require.Contains(t, id, value)
		}
	})
}

// FuzzLoad: any file either gives rules or an error that names it.
func FuzzLoad(f *testing.F) {
	f.Add("kind,name,run_type,shape\nrule,a,b,{x:exp}_{size}\nholds,h,t,a !b\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := runtypes.Load("own.csv", text)
		if err != nil {
			require.Equal(t, contract.Invalid, contract.AsError(err).Kind)
			require.Contains(t, err.Error(), "own.csv")
			return
		}
		rules.Classify("250912-172812_match_150M_c4_finetune_100Mtx1_DD-d17-530M-6250-2")
	})
}
