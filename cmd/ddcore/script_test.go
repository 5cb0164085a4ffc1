package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"ddcore/core/hub/hubtest"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what the scripts can do beyond testscript's own.
func commands(prepared string) map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"lake": func(ts *testscript.TestScript, _ bool, _ []string) {
			ts.Check(os.CopyFS(ts.MkAbs("."), os.DirFS(prepared)))
			ts.Setenv(lakeVariable, "my.lake")
		},
		"exits":     exits,
		"truncate":  truncate,
		"damage":    damage,
		"lock":      lock,
		"interrupt": interrupt,
		"stops":     stops,
		"same":      same,
		"hub":       startHub,
		"hubfault":  hubFault,
	}
}

// exits CODE PROGRAM ARGS... runs a program and checks its exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	if got := strconv.Itoa(exitCode(err)); got != args[0] {
		ts.Fatalf("exit code %s, not %s", got, args[0])
	}
}

func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// truncate FILE cuts a file to half its length.
func truncate(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()/2))
}

// damage FOLDER changes a byte in the middle of each file of a folder.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"))
	ts.Check(err)
	for _, path := range files {
		text, err := os.ReadFile(path)
		ts.Check(err)
		text[len(text)/2] ^= 1
		ts.Check(os.WriteFile(path, text, 0o666))
	}
}

// lock LAKE holds a lake as another writer does, until the script ends.
func lock(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(filepath.Join(ts.MkAbs(args[0]), ".writer.lock"), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	ts.Check(err)
	ts.Check(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	_, err = f.WriteString("process 4242 (curate)")
	ts.Check(err)
	ts.Defer(func() { f.Close() })
}

// interrupt SIGNAL TEXT PROGRAM ARGS... runs a program until it writes TEXT,
// then interrupts it.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}
	out := &collector{awaited: args[1], seen: make(chan struct{})}
	cmd := exec.Command(args[2], args[3:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), ts.Value("env").(*testscript.Env).Vars
	cmd.Stdout, cmd.Stderr = out, out
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-out.seen:
	case err := <-ended:
		ts.Fatalf("it ended before it wrote %q: %v\n%s", args[1], err, out)
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		ts.Fatalf("it did not write %q:\n%s", args[1], out)
	}
	ts.Check(cmd.Process.Signal(signals[args[0]]))
	if code := exitCode(<-ended); code != 130 {
		ts.Fatalf("exit code %d\n%s", code, out)
	}
	if !strings.HasSuffix(out.String(), "ddcore: interrupted; nothing is half-written\n") {
		ts.Fatalf("no word of the interrupt:\n%s", out)
	}
}

// stops SIGNAL PATTERN PROGRAM ARGS... runs a program until it writes a line
// that matches, then signals it: it must end as one that is done.
func stops(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}
	cmd := exec.Command(args[2], args[3:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), ts.Value("env").(*testscript.Env).Vars
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	var errors collector
	cmd.Stderr = &errors
	ts.Check(cmd.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	ts.Check(cmd.Process.Signal(signals[args[0]]))
	err = cmd.Wait()
	if !regexp.MustCompile("^" + args[1] + "\n$").MatchString(line) {
		ts.Fatalf("it wrote %q, not %s\n%s", line, args[1], &errors)
	}
	if err != nil {
		ts.Fatalf("it ended with %v\n%s", err, &errors)
	}
}

// collector keeps the end of what is written to it, and tells when a text has
// come by.
type collector struct {
	mu      sync.Mutex
	text    []byte
	awaited string
	seen    chan struct{}
	once    sync.Once
}

func (c *collector) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	if c.seen != nil && bytes.Contains(c.text, []byte(c.awaited)) {
		c.once.Do(func() { close(c.seen) })
	}
	const enough = 1 << 20
	if len(c.text) > 2*enough {
		c.text = append([]byte{}, c.text[len(c.text)-enough:]...)
	}
	return len(p), nil
}

func (c *collector) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}

// hub FOLDER serves a folder as the Hugging Face Hub does, until the script ends.
func startHub(ts *testscript.TestScript, _ bool, args []string) {
	server := hubtest.Start(ts.MkAbs(args[0]))
	ts.Defer(server.Close)
	ts.Value("env").(*testscript.Env).Values["hub"] = server
	ts.Setenv("HF_ENDPOINT", server.URL)
	ts.Setenv("HF_HOME", ts.MkAbs("hf-home"))
	ts.Setenv("HF_TOKEN", "hf_canarytoken")
}

// hubfault JSON sets what the hub does wrong (hubtest.Faults).
func hubFault(ts *testscript.TestScript, _ bool, args []string) {
	var f hubtest.Faults
	ts.Check(json.Unmarshal([]byte(args[0]), &f))
	ts.Value("env").(*testscript.Env).Values["hub"].(*hubtest.Server).Set(f)
}

// same JSON CSV checks that two files hold the same rows.
func same(ts *testscript.TestScript, _ bool, args []string) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	d.UseNumber()
	var objects []map[string]any
	ts.Check(d.Decode(&objects))
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[1]))).ReadAll()
	ts.Check(err)
	if len(rows) != len(objects)+1 || len(rows) < 2 {
		ts.Fatalf("%d rows in JSON, %d in CSV", len(objects), len(rows)-1)
	}
	for i, object := range objects {
		for k, name := range rows[0] {
			if want, got := rows[i+1][k], object[name]; want != csvText(got) && !(got == nil && strings.Contains("nan -inf", want)) {
				ts.Fatalf("row %d, %s: %v in JSON, %q in CSV", i, name, got, want)
			}
		}
	}
}

func csvText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	default:
		return v.(string)
	}
}
