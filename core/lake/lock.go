package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"ddcore/core/contract"
)

const (
	lockFile  = ".writer.lock"
	lockRetry = 50 * time.Millisecond
)

// lockTimeout bounds the wait for another writer, or for readers at a commit (DDCORE_LOCK_TIMEOUT, e.g.
// "30s"; default: wait as long as the caller's context allows).
func lockTimeout() (time.Duration, error) {
	text := os.Getenv("DDCORE_LOCK_TIMEOUT")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, &contract.Error{Kind: contract.Invalid, Op: "read DDCORE_LOCK_TIMEOUT", Err: fmt.Errorf("%q is no duration", text), Hint: `for example "30s" or "10m"`}
	}
	return d, nil
}

// writerLock is held by the one writer of a lake.
type writerLock interface {
	held(context.Context) error // an error when it was lost
	previousDied() bool         // the last holder was killed while it wrote
	release()
}

// withLockTimeout bounds a wait.
func withLockTimeout(ctx context.Context) (context.Context, context.CancelFunc, error) {
	timeout, err := lockTimeout()
	if err != nil || timeout == 0 {
		return ctx, func() {}, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return ctx, cancel, nil
}

func busy(verb, target, holder string) error {
	return &contract.Error{Kind: contract.Busy, Op: verb, Target: target, Err: fmt.Errorf("%s is writing to this lake", holder), Hint: "wait for it to end, then try again"}
}

// fileLock is an flock(2) on a file in the lake's folder: the kernel drops it when
// the process dies, however it dies. The file's text names the holder while it
// writes; text that is left behind says that the holder died.
type fileLock struct {
	file *os.File
	died bool
}

func lockFolder(ctx context.Context, path, verb string, waiting func(holder string)) (*fileLock, error) {
	ctx, cancel, err := withLockTimeout(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		e := contract.AsError(ioError("write to", path, err))
		e.Hint = "the lake cannot be written: open it for reading only, or copy it"
		return nil, e
	}
	for told := false; ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, ioError("lock", path, err)
		}
		holder := readHolder(f)
		if !told && waiting != nil {
			waiting(holder)
			told = true
		}
		select {
		case <-ctx.Done():
			f.Close()
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, contract.AsError(ctx.Err())
			}
			return nil, busy(verb, path, holder)
		case <-time.After(lockRetry):
		}
	}
	l := &fileLock{file: f, died: readHolder(f) != nobody}
	if err := l.sign(fmt.Sprintf("process %d (%s)", os.Getpid(), verb)); err != nil {
		f.Close()
		return nil, ioError("lock", path, err)
	}
	return l, nil
}

const nobody = "another process"

func readHolder(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 200))
	if holder := strings.TrimSpace(string(text)); err == nil && holder != "" {
		return holder
	}
	return nobody
}

func (l *fileLock) sign(holder string) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(holder), 0)
	return err
}

func (l *fileLock) held(context.Context) error { return nil } // the kernel sees to it

func (l *fileLock) previousDied() bool { return l.died }

func (l *fileLock) release() {
	// A failure here only means that the next writer looks for orphans in vain.
	_ = l.file.Truncate(0)
	_ = l.file.Close()
}
