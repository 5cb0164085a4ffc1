package core_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Real servers for the tests of shared lakes, on free ports of the loopback
// device: Debian's PostgreSQL, and versitygw, which speaks S3 and checks
// signatures. Their keys are canaries: no output may hold them.
const (
	pgUser, pgPassword = "tester", "canary-pg-password"
	s3Key, s3Password  = "CANARYKEYID", "canary-s3-secret"
	s3Bucket           = "bucket"
)

// server is a child that ends with the test program, however that ends.
type server struct {
	dir, address string
	start        func() error
	stop         func()
	err          error
}

// run starts a program and waits until it takes connections. The thread that
// starts it stays: the kernel ends the child with it.
func (s *server) run(cmd *exec.Cmd) error {
	started, ended := make(chan error), make(chan struct{})
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	s.stop = func() { _ = cmd.Process.Signal(syscall.SIGINT); <-ended }
	for {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ended:
			return fmt.Errorf("%s ended: see %s", cmd.Path, s.dir)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func newServer(run func(*server) error) func() *server {
	return sync.OnceValue(func() *server {
		s := &server{}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			s.address = listener.Addr().String()
			listener.Close()
			s.dir, err = os.MkdirTemp("", "ddcore-server")
		}
		if err == nil {
			s.start = func() error { return run(s) }
			err = s.start()
		}
		s.err = err
		servers = append(servers, s)
		return s
	})
}

var servers []*server

func stopServers() {
	for _, s := range servers {
		if s.stop != nil {
			s.stop()
		}
		os.RemoveAll(s.dir)
	}
}

// postgresServer has one superuser. PostgreSQL refuses to be root's.
var postgresServer = newServer(func(s *server) error {
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	if _, err := os.Stat(data); err != nil {
		passwords := filepath.Join(s.dir, "password")
		if err := os.WriteFile(passwords, []byte(pgPassword), 0o644); err != nil {
			return err
		}
		initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", pgUser, "--auth=scram-sha-256", "--pwfile="+passwords, "--locale=C", "--encoding=UTF8", "--no-sync")
		initdb.Dir, initdb.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: attr.Credential}
		if out, err := initdb.CombinedOutput(); err != nil {
			return fmt.Errorf("initdb: %w: %s", err, out)
		}
	}
	host, port, _ := net.SplitHostPort(s.address)
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-c", "listen_addresses="+host, "-p", port, "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "lc_messages=C")
	cmd.Dir, cmd.SysProcAttr = s.dir, attr
	if err := s.run(cmd); err != nil {
		return err
	}
	for { // it refuses while it starts
		conn, err := pgx.Connect(context.Background(), adminURL(s.address, "postgres"))
		if err == nil {
			return conn.Close(context.Background())
		}
		time.Sleep(20 * time.Millisecond)
	}
})

func postgresBin() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", fmt.Errorf("no PostgreSQL server: apt-get install postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func adminURL(address, database string) string {
	return fmt.Sprintf("postgresql://%s:%s@%s/%s", pgUser, pgPassword, address, database)
}

// s3Server keeps its objects as files below its folder.
var s3Server = newServer(func(s *server) error {
	program, err := filepath.Abs(filepath.Join("..", "build", "tools", "versitygw"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.dir, s3Bucket), 0o777); err != nil {
		return err
	}
	cmd := exec.Command(program, "--port", s.address, "posix", s.dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+s3Key, "ROOT_SECRET_ACCESS_KEY="+s3Password)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	return s.run(cmd)
})

// sharedPlace is a new database and a new place for files, not yet a lake.
type sharedPlace struct {
	name, data string
	files      string // the folder in which the data files can be seen
	database   string
}

// inFolder gives a sharedPlace with files in a folder; the environment has the
// password.
func inFolder(t testing.TB) sharedPlace {
	t.Helper()
	s := postgresServer()
	if s.err != nil {
		t.Skip("no PostgreSQL: ", s.err)
	}
	databases++
	p := sharedPlace{database: fmt.Sprintf("lake%d", databases), data: t.TempDir()}
	p.files = p.data
	admin(t, "postgres", "CREATE DATABASE "+p.database)
	host, port, err := net.SplitHostPort(s.address)
	require.NoError(t, err)
	p.name = fmt.Sprintf("ducklake:postgres:dbname=%s host=%s port=%s user=%s", p.database, host, port, pgUser)
	t.Setenv("PGPASSWORD", pgPassword)
	return p
}

var databases int

// onS3 gives a sharedPlace with files on S3.
func onS3(t testing.TB) sharedPlace {
	t.Helper()
	p := inFolder(t)
	s := s3Server()
	if s.err != nil {
		t.Skip("no S3 server: `make build/tools/versitygw` builds it: ", s.err)
	}
	p.data = "s3://" + s3Bucket + "/" + p.database
	p.files = filepath.Join(s.dir, s3Bucket, p.database)
	t.Setenv("AWS_ACCESS_KEY_ID", s3Key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3Password)
	t.Setenv("AWS_ENDPOINT_URL", "http://"+s.address)
	t.Setenv("AWS_REGION", "us-east-1")
	return p
}

// admin runs SQL as the database's owner, and gives the first column of its rows
// as text.
func admin(t testing.TB, database, sql string, args ...any) []string {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, adminURL(postgresServer().address, database))
	require.NoError(t, err)
	defer conn.Close(ctx)
	found, err := conn.Query(ctx, sql, args...)
	require.NoError(t, err)
	out, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return fmt.Sprint(values[0]), err
	})
	require.NoError(t, err)
	return out
}
