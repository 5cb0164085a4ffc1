package core_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ddcore/core/contract"
	"ddcore/core/sample"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
)

// archives makes archives of instances, a recipe each with four checkpoints.
func archives(t testing.TB) (dir string, files []string) {
	t.Helper()
	dir = filepath.Join(makeSample(t, sample.Options{
		Sizes: []string{"150M"}, Recipes: []string{"C4", "Dolma1.7"}, Runs: -1, Checkpoints: 4, Questions: 3,
	}), "instances")
	files, err := filepath.Glob(filepath.Join(dir, "models", "*.tar.gz"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	return dir, files
}

// member is a file in an archive.
type member struct {
	name string
	data []byte
	kind byte
}

func unpack(t testing.TB, packed []byte) (out []member) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		out = append(out, member{h.Name, data, h.Typeflag})
	}
}

func pack(t testing.TB, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data)), Typeflag: m.kind}
		if m.kind == tar.TypeSymlink {
			h.Linkname = "/etc/passwd"
		}
		require.NoError(t, w.WriteHeader(h))
		_, err := w.Write(m.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return out.Bytes()
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// instanceTables gives all that a lake says of instances, without what differs
// between lakes: numbers of files and times.
func instanceTables(t testing.TB, lake string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, columns := range map[string]string{
		"instances": "*", "choices": "*", "instance_task_metrics": "*", "instance_checks": "*", "instance_checkpoints": "* EXCLUDE (path, file_id)",
	} {
		out[name] = query(t, lake, "SELECT "+columns+" FROM "+name+" ORDER BY ALL").csv()
	}
	return out
}

// sameTables compares line by line: a whole table is too long for a message.
func sameTables(t testing.TB, want, got map[string]string) {
	t.Helper()
	for name := range want {
		a, b := strings.Split(want[name], "\n"), strings.Split(got[name], "\n")
		require.Len(t, b, len(a), name)
		for i := range a {
			require.Equal(t, a[i], b[i], "%s, row %d", name, i)
		}
	}
}

// TestInstances: the archives become rows whose keys are unique and whose
// references are whole.
func TestInstances(t *testing.T) {
	dir, _ := archives(t)
	lake := build(t, dir)
	require.Equal(t, []string{"8", "1584", "6192"}, query(t, lake, `SELECT count(*), sum(n_instances)::BIGINT, (SELECT count(*) FROM choices) FROM instance_checkpoints`)[1])
	for what, sql := range map[string]string{
		"an instance twice":      "SELECT 1 FROM instances GROUP BY recipe, params, seed, step, task, doc_id HAVING count(*) > 1",
		"a choice twice":         "SELECT 1 FROM choices GROUP BY recipe, params, seed, step, task, doc_id, choice HAVING count(*) > 1",
		"choices of no instance": "SELECT 1 FROM choices ANTI JOIN instances USING (recipe, params, seed, step, task, doc_id)",
		"a wrong count":          "SELECT 1 FROM instances AS i WHERE n_choices <> (SELECT count(*) FROM choices AS c WHERE (c.recipe, c.params, c.seed, c.step, c.task, c.doc_id) = (i.recipe, i.params, i.seed, i.step, i.task, i.doc_id))",
		"an aggregate":           "SELECT 1 FROM instance_task_metrics WHERE abs(value - derived_value) > 1e-9",
		"a problem":              "SELECT 1 FROM instance_checks",
		"a reject":               "SELECT 1 FROM raw.rejects",
	} {
		require.Len(t, query(t, lake, sql), 1, what)
	}
	listed := must(t, "tables", lake, nil).csv()
	require.Contains(t, listed, "main|instances|1584")
	require.Contains(t, listed, "raw|instance_problems")

	// One checkpoint reads its own file only.
	plan := query(t, lake, "EXPLAIN ANALYZE SELECT count(*) FROM instances WHERE recipe = 'C4' AND seed = 0 AND step = (SELECT max(step) FROM instance_checkpoints)")
	require.NotEmpty(t, plan)
	plan = query(t, lake, "EXPLAIN ANALYZE SELECT sum(acc_raw) FROM instances WHERE recipe = 'C4' AND params = '150M' AND seed = 0 AND step = 38157")
	_, scan, _ := strings.Cut(plan.csv(), "_instances")
	require.Contains(t, scan, "Total Files Read: 1 ")
}

// TestInstancesHoweverPacked: the archive of a recipe, the archives inside and
// unpacked folders give the same tables; a checkpoint that comes twice is one.
func TestInstancesHoweverPacked(t *testing.T) {
	dir, files := archives(t)
	want := instanceTables(t, build(t, dir))
	inner, folders := t.TempDir(), t.TempDir()
	for _, file := range files {
		for _, part := range unpack(t, readFile(t, file)) {
			path := filepath.Join(inner, filepath.FromSlash(part.name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
			require.NoError(t, os.WriteFile(path, part.data, 0o666))
			for _, f := range unpack(t, part.data) {
				path := filepath.Join(folders, filepath.Dir(filepath.FromSlash(part.name)), filepath.FromSlash(f.name))
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
				require.NoError(t, os.WriteFile(path, f.data, 0o666))
			}
		}
	}
	sameTables(t, want, instanceTables(t, build(t, inner)))
	sameTables(t, want, instanceTables(t, build(t, folders)))
	all := build(t, folders, inner, dir)
	sameTables(t, want, instanceTables(t, all))
	snapshots := len(must(t, "snapshots", all, nil))
	require.Equal(t, []string{"unchanged"}, unique(must(t, "ingest", all, map[string]any{"paths": []string{folders, inner, dir}}).column(t, "state")))
	require.Len(t, must(t, "snapshots", all, nil), snapshots, "nothing to do leaves no snapshot")
}

// TestInstancesResume: an ingest that is killed goes on behind the parts that it
// had staged; they are not converted again.
func TestInstancesResume(t *testing.T) {
	dir, files := archives(t)
	want := instanceTables(t, build(t, dir))
	lake := filepath.Join(t.TempDir(), "test.lake")
	parts := unpack(t, readFile(t, files[0]))
	killAt(t, parts[2].name, "ingest", lake, map[string]any{"paths": []string{dir}})
	staged, err := filepath.Glob(filepath.Join(lake, "staged", "*.instances.parquet"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(staged), 2)
	record := strings.TrimSuffix(staged[0], ".instances.parquet")
	before, err := os.Stat(staged[0])
	require.NoError(t, err)
	_, err = os.Stat(record + ".json")
	require.NoError(t, err)

	must(t, "ingest", lake, map[string]any{"paths": []string{dir}})
	after, err := os.Stat(filepath.Join(lake, "data", "raw", "_instances", filepath.Base(record)+".parquet"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "it was taken as it was staged")
	must(t, "curate", lake, nil)
	sameTables(t, want, instanceTables(t, lake))
	requireNoOrphans(t, lake)

	// Killed while it commits: the stage is still there, and nothing comes twice.
	lake = filepath.Join(t.TempDir(), "second.lake")
	must(t, "ingest", lake, map[string]any{"paths": files[:1]})
	killAt(t, filepath.Base(files[1]), "ingest", lake, map[string]any{"paths": []string{dir}})
	must(t, "ingest", lake, map[string]any{"paths": []string{dir}})
	must(t, "curate", lake, nil)
	sameTables(t, want, instanceTables(t, lake))
}

// TestInstancesCutOff: an archive that is cut off anywhere gives the parts
// before the cut, says so, and the whole one gives the rest.
func TestInstancesCutOff(t *testing.T) {
	dir, files := archives(t)
	want := instanceTables(t, build(t, dir))
	whole := readFile(t, files[0])
	for _, share := range []float64{0.3, 0.6, 0.99, 1} {
		cut := int(share*float64(len(whole))) - 1
		require.NoError(t, os.WriteFile(files[0], whole[:cut], 0o666))
		lake := filepath.Join(t.TempDir(), "test.lake")
		r := must(t, "ingest", lake, map[string]any{"paths": []string{dir}})
		require.Equal(t, []string{"1", "0"}, r.column(t, "n_rejects"))
		rejects := must(t, "rejects", lake, nil)
		require.Len(t, rejects, 2)
		require.Contains(t, rejects.csv(), "damaged or was cut off")
		require.Contains(t, rejects.csv(), "download it again")

		require.NoError(t, os.WriteFile(files[0], whole, 0o666))
		r = must(t, "ingest", lake, map[string]any{"paths": []string{dir}})
		require.Equal(t, []string{"replaced", "unchanged"}, r.column(t, "state"))
		must(t, "curate", lake, nil)
		sameTables(t, want, instanceTables(t, lake))
		require.Len(t, must(t, "rejects", lake, nil), 1)
	}
}

// TestInstancesBadMembers: what is no part is told, and the rest is kept.
func TestInstancesBadMembers(t *testing.T) {
	dir, files := archives(t)
	want := instanceTables(t, build(t, dir))
	good := unpack(t, readFile(t, files[0]))
	damaged := member{"c4/150M/seed-2/step-7.tar.gz", slices.Clone(good[0].data), tar.TypeReg}
	damaged.data[len(damaged.data)/2] ^= 0xff
	bad := []struct {
		member
		reason string
	}{
		{member{"../../c4/150M/seed-2/step-1.tar.gz", good[0].data, tar.TypeReg}, "leads out of the archive"},
		{member{"c4/150M/seed-2/step-2.tar.gz", nil, tar.TypeSymlink}, "a link or a device"},
		{member{"c4/150M/seed-2/notes.txt", []byte("hello"), tar.TypeReg}, "no archive step-<n>.tar.gz"},
		{member{good[0].name, good[1].data, tar.TypeReg}, "stands twice"},
		{member{"c4/150M/seed-77/step-3.tar.gz", pack(t, member{"a-predictions.jsonl", nil, tar.TypeReg}), tar.TypeReg}, `"77" is no seed`},
		{member{"c4/151M/seed-2/step-4.tar.gz", pack(t, member{"a-predictions.jsonl", nil, tar.TypeReg}), tar.TypeReg}, `"151M" is no model size`},
		{member{"c4/150M/seed-2/step-5.tar.gz", []byte("no gzip"), tar.TypeReg}, "damaged"},
		{member{"c4/150M/seed-2/step-6.tar.gz", pack(t), tar.TypeReg}, "no file of a task"},
		{damaged, "damaged"},
	}
	members := slices.Clone(good)
	for _, b := range bad {
		members = append(members, b.member)
	}
	require.NoError(t, os.WriteFile(files[0], pack(t, members...), 0o666))
	lake := filepath.Join(t.TempDir(), "test.lake")
	r := must(t, "ingest", lake, map[string]any{"paths": []string{dir}})
	require.Equal(t, []string{"9", "0"}, r.column(t, "n_rejects"))
	rejects := must(t, "rejects", lake, nil).csv()
	for _, b := range bad {
		require.Contains(t, strings.ReplaceAll(rejects, `""`, `"`), b.reason)
	}
	must(t, "curate", lake, nil)
	sameTables(t, want, instanceTables(t, lake))
}

// TestInstancesGone: a changed archive replaces its parts, and only those; prune
// drops those of an archive that is gone.
func TestInstancesGone(t *testing.T) {
	dir, files := archives(t)
	lake := build(t, dir)
	parts := unpack(t, readFile(t, files[0]))
	require.NoError(t, os.WriteFile(files[0], pack(t, parts[:3]...), 0o666))
	r := must(t, "ingest", lake, map[string]any{"paths": []string{dir}})
	require.Equal(t, []string{"replaced", "unchanged"}, r.column(t, "state"))
	must(t, "curate", lake, nil)
	require.Equal(t, "7", query(t, lake, "SELECT count(*) FROM instance_checkpoints")[1][0])
	require.Equal(t, "1386", query(t, lake, "SELECT count(*) FROM instances")[1][0])

	require.NoError(t, os.Rename(files[0], files[0]+".away"))
	require.Contains(t, must(t, "ingest", lake, map[string]any{"paths": []string{dir}}).column(t, "state"), "missing")
	require.Contains(t, must(t, "ingest", lake, map[string]any{"paths": []string{dir}, "prune": true}).column(t, "state"), "removed")
	must(t, "curate", lake, nil)
	require.Equal(t, "4", query(t, lake, "SELECT count(DISTINCT file_id) FROM instance_checkpoints JOIN instances USING (recipe, params, seed, step)")[1][0])
	require.Equal(t, "4", query(t, lake, "SELECT count(*) FROM raw.instance_parts")[1][0])
}

// TestInstancesTwoVersions: a checkpoint with two contents counts once, and the
// disagreement is said.
func TestInstancesTwoVersions(t *testing.T) {
	dir, files := archives(t)
	parts := unpack(t, readFile(t, files[0]))
	other := slices.Clone(parts)
	other[0].data = parts[1].data
	second := filepath.Join(t.TempDir(), filepath.Base(files[0]))
	require.NoError(t, os.WriteFile(second, pack(t, other...), 0o666))
	lake := filepath.Join(t.TempDir(), "test.lake")
	must(t, "ingest", lake, map[string]any{"paths": []string{dir}})
	must(t, "ingest", lake, map[string]any{"paths": []string{second}})
	must(t, "curate", lake, nil)
	require.Equal(t, "8", query(t, lake, "SELECT count(*) FROM instance_checkpoints")[1][0])
	require.Empty(t, query(t, lake, "SELECT 1 FROM instances GROUP BY recipe, params, seed, step, task, doc_id HAVING count(*) > 1")[1:])
	require.Equal(t, []string{"model_config", "same bytes", "two versions"}, unique(query(t, lake, "SELECT DISTINCT problem FROM instance_checks ORDER BY problem").column(t, "problem")))
}

// TestInstancesUnreadable: a file that the user names must be readable.
func TestInstancesUnreadable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c4.tar.gz")
	require.NoError(t, os.WriteFile(path, []byte("this is no archive"), 0o666))
	_, err := call(t, "ingest", filepath.Join(dir, "test.lake"), map[string]any{"paths": []string{path}})
	fails(t, contract.Invalid, err, "c4.tar.gz", "gzip", "download it again")
}

// TestInstancesReal: the archives of documented shape give the aggregates that
// are expected of them.
func TestInstancesReal(t *testing.T) {
	dir := filepath.Join(realData(t), "eval-instances")
	lake := build(t, dir)
	got := query(t, lake, `
		WITH expected AS (SELECT r.*, unnest(map_entries(metrics::MAP(VARCHAR, DOUBLE))) AS m FROM read_json(?, columns = {recipe: 'VARCHAR', params: 'VARCHAR', seed: 'BIGINT', step: 'BIGINT', task: 'VARCHAR', instances: 'BIGINT', choices: 'BIGINT', metrics: 'JSON'}) AS r),
		named AS (SELECT s.seed AS seed, n.recipe AS recipe, e.* EXCLUDE (recipe, seed) FROM expected AS e
			JOIN recipe_names AS n ON n.name = e.recipe AND n.source = 'eval_instances' JOIN (VALUES (2, 0), (14, 1)) AS s(id, seed) ON s.id = e.seed)
		SELECT count(*), count(*) FILTER (WHERE t.value = e.m.value AND abs(t.derived_value - e.m.value) < 1e-12 AND t.n_instances = e.instances)
		FROM named AS e LEFT JOIN instance_task_metrics AS t ON (t.recipe, t.params, t.seed, t.step, t.task, t.metric) = (e.recipe, e.params, e.seed, e.step, e.task, e.m.key)`,
		filepath.Join(dir, "expected.json"))
	require.Equal(t, got[1][0], got[1][1])
	require.Equal(t, "250", got[1][0])
	require.Len(t, query(t, lake, "SELECT 1 FROM instance_checks"), 1)
}

// TestInstancesRejectsOnce: what is wrong with an archive is told once, also
// when it is looked through again because another one has lost a part.
func TestInstancesRejectsOnce(t *testing.T) {
	dir, files := archives(t)
	bad := member{"c4/150M/seed-2/notes.txt", []byte("hello"), tar.TypeReg}
	require.NoError(t, os.WriteFile(files[0], pack(t, append(unpack(t, readFile(t, files[0])), bad)...), 0o666))
	lake := filepath.Join(t.TempDir(), "test.lake")
	paths := map[string]any{"paths": []string{dir}}
	must(t, "ingest", lake, paths)
	require.NoError(t, os.WriteFile(files[1], pack(t, unpack(t, readFile(t, files[1]))[:3]...), 0o666))
	must(t, "ingest", lake, paths)
	must(t, "ingest", lake, paths)
	require.Equal(t, "1", query(t, lake, "SELECT count(*) FROM raw.rejects")[1][0])
	require.Len(t, must(t, "rejects", lake, nil), 2)
}
