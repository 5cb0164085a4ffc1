package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ddcore/cmd/ddcore/dashboard"
	"ddcore/core"
	"ddcore/core/contract"

	"github.com/spf13/cobra"
)

// serving are the flags of serve.
type serving struct {
	host      string
	port      int64
	token     string
	noSQL     bool
	open      bool
	origins   []string
	timeLimit time.Duration
}

// shutdownGrace is how long answers under way may take when the server stops.
const shutdownGrace = 5 * time.Second

// dashboardMemory bounds DuckDB where --memory-limit does not.
const dashboardMemory = "2GB"

func (a *app) serveCommand() *cobra.Command {
	s := &serving{port: 8765}
	cmd := &cobra.Command{
		Use: "serve [LAKE]", Short: "Show the lake in a web page: charts, tables, SQL (read-only).",
		Example: "  ddcore serve my.lake\n  ddcore serve my.lake --port 0 --open\n  ddcore serve my.lake --host 0.0.0.0 --no-sql",
		Args:    cobra.MaximumNArgs(1), ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.nameLake(cmd, args); err != nil {
				return err
			}
			return a.serve(cmd, s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.host, "host", "127.0.0.1", "address to listen on; any but this machine's own needs a token, which is made and printed")
	named(f, "host", "ADDRESS")
	f.Var(newCount(&s.port, 0), "port", "port to listen on, 0: any that is free; default: 8765")
	f.StringVar(&s.token, "token", "", "what a browser must know to see the lake; default: none on this machine's own address, else a new one")
	named(f, "token", "TEXT")
	f.BoolVar(&s.noSQL, "no-sql", false, "let nobody write queries")
	f.BoolVar(&s.open, "open", false, "open the page in a browser")
	f.StringArrayVar(&s.origins, "allow-origin", nil, "a site whose pages may call /api, e.g. http://localhost:5173; may be repeated")
	named(f, "allow-origin", "ORIGIN")
	f.DurationVar(&s.timeLimit, "time-limit", 30*time.Second, "how long a query may take")
	return cmd
}

// nameLake takes the lake from where the user named it.
func (a *app) nameLake(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		if a.lake != "" && a.lake != args[0] {
			return usage(cmd, errors.New("two lakes were named"))
		}
		a.lake = args[0]
	}
	if a.lakePath() == "" {
		return usage(cmd, errors.New("no lake was named: pass LAKE, --lake LAKE or set "+lakeVariable))
	}
	return nil
}

// dashboardCall calls the core as the dashboard may: DuckDB reads this lake only.
func (a *app) dashboardCall(cmd *cobra.Command) dashboard.Call {
	return func(ctx context.Context, verb string, args map[string]any) (*core.Result, error) {
		request, err := a.lockedRequest(cmd, verb, args)
		if err != nil {
			return nil, err
		}
		return core.Call(ctx, request, nil)
	}
}

func (a *app) serve(cmd *cobra.Command, s *serving) error {
	call := a.dashboardCall(cmd)
	result, err := call(cmd.Context(), "snapshots", map[string]any{}) // an error in the lake is told before anybody opens the page
	if err != nil {
		return err
	}
	result.Close()
	isLocal := isLoopback(s.host)
	if s.token == "" && !isLocal {
		s.token = rand.Text()
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(s.host, strconv.FormatInt(s.port, 10)))
	if err != nil {
		return listenError(s, err)
	}
	o := dashboard.Options{
		Lake: lakeName(a.lakePath()), Call: call, Token: s.token, AllowOrigins: s.origins, SQL: !s.noSQL,
		TimeLimit: s.timeLimit, Queries: 4,
	}
	if isLocal {
		o.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	address := s.address(listener)
	fmt.Fprintln(a.stdout, address)
	if !isLocal {
		a.note("whoever knows this address can read the lake, and the connection is not encrypted: an SSH tunnel to 127.0.0.1 is safer")
	}
	a.note("Ctrl-C stops the server")
	if s.open {
		openBrowser(address)
	}
	server := dashboard.New(o)
	go func() { _ = server.Warm(cmd.Context()) }() // the page tells of an error
	return untilDone(cmd.Context(), &http.Server{Handler: server, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}, listener)
}

// untilDone serves until ctx ends, then lets answers under way finish.
func untilDone(ctx context.Context, server *http.Server, listener net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return &contract.Error{Kind: contract.IO, Op: "serve", Err: err}
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return server.Close() // queries are cut off; they only read
	}
	return nil
}

// lakeName names a lake without saying where it is.
func lakeName(path string) string {
	if strings.HasPrefix(path, "ducklake:") {
		return "shared lake"
	}
	return filepath.Base(path)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// address is what a browser opens; a server on all addresses is named by one.
func (s *serving) address(l net.Listener) string {
	host := s.host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	out := "http://" + net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port)) + "/"
	if s.token != "" {
		out += "?token=" + s.token
	}
	return out
}

func listenError(s *serving, err error) error {
	e := &contract.Error{Kind: contract.IO, Op: "serve", Target: net.JoinHostPort(s.host, strconv.FormatInt(s.port, 10)), Err: err, Hint: "name another --host or --port"}
	if errors.Is(err, syscall.EADDRINUSE) {
		e.Kind, e.Err, e.Hint = contract.Busy, errors.New("the port is in use"), "name another --port, or 0 for any that is free"
	}
	return e
}

// openBrowser tries to; the address is printed anyway.
func openBrowser(address string) {
	program := "xdg-open"
	if runtime.GOOS == "darwin" {
		program = "open"
	}
	if cmd := exec.Command(program, address); cmd.Start() == nil {
		go func() { _ = cmd.Wait() }()
	}
}
