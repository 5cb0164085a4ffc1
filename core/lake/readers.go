package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"ddcore/core/contract"
)

// A session that reads holds SQLite's read lock on the catalog of a local lake
// until its result is read to the end or closed. A commit cannot be written
// meanwhile. SQLite would wait for it, but from within: nobody else could begin to
// read, and it would wait anew for each page that its cache has no room for, which
// took 20 minutes of a build and went on. So writers look for readers before.

// ownPatience is how long a writer waits for a reader of its own process: it may
// be waiting for itself.
const ownPatience = 30 * time.Second

// own are the sessions of this process that read local lakes.
var own = struct {
	sync.Mutex
	last    int
	folders map[int]string
}{folders: map[int]string{}}

// reads notes that a session reads a lake, until it is told of its end.
func reads(folder string) (end func()) {
	own.Lock()
	defer own.Unlock()
	own.last++
	id := own.last
	own.folders[id], _ = filepath.Abs(folder)
	return func() {
		own.Lock()
		defer own.Unlock()
		delete(own.folders, id)
	}
}

// reader is one that holds the catalog: a process, or a session of ours.
type reader struct{ process, session int }

func (r reader) String() string {
	if r.session > 0 {
		return "a result of this process that is not read to its end"
	}
	return fmt.Sprintf("process %d, which reads this lake", r.process)
}

// readersOf gives all that hold the catalog of a local lake.
func readersOf(p Place) map[reader]bool {
	found := map[reader]bool{}
	here, _ := filepath.Abs(p.folder)
	own.Lock()
	for id, folder := range own.folders {
		if folder == here {
			found[reader{session: id}] = true
		}
	}
	own.Unlock()
	info, err := os.Stat(p.catalogPath())
	if err != nil {
		return found
	}
	if !isLocked(info) {
		return found
	}
	text, _ := os.ReadFile("/proc/locks") // nothing on other systems than Linux: SQLite then waits as it does
	for _, process := range lockedBy(string(text), info) {
		if process != os.Getpid() {
			found[reader{process: process}] = true
		}
	}
	return found
}

// SQLite's readers lock bytes of a database from the first of these on.
const sharedFirst, sharedBytes = 1073741826, 510

// isLocked tells whether a process may hold a catalog. To read all locks of the
// system can take the kernel 30 ms, to ask for those of one file nothing; but a
// file that is opened for that, and closed, takes the locks of this process with
// it. So the file that SQLite has open is asked, where it can be found.
func isLocked(info os.FileInfo) bool {
	open, _ := os.ReadDir("/proc/self/fd")
	for _, f := range open {
		other, err := os.Stat("/proc/self/fd/" + f.Name())
		if err != nil || !os.SameFile(info, other) {
			continue
		}
		fd, _ := strconv.ParseUint(f.Name(), 10, 64)
		held := syscall.Flock_t{Type: syscall.F_WRLCK, Start: sharedFirst, Len: sharedBytes}
		err = syscall.FcntlFlock(uintptr(fd), syscall.F_GETLK, &held)
		return err != nil || held.Type != syscall.F_UNLCK
	}
	return true
}

// lockedBy gives the processes that lock a file as SQLite's readers do, in the
// words of proc_locks(5): "1: POSIX ADVISORY READ 4711 fe:01:1234 1073741826 1073742335".
func lockedBy(locks string, info os.FileInfo) (processes []int) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	dev := uint64(s.Dev)
	file := fmt.Sprintf("%02x:%02x:%d", dev>>8&0xfff|dev>>32&^0xfff, dev&0xff|dev>>12&^0xff, s.Ino)
	for line := range strings.Lines(locks) {
		f := strings.Fields(line)
		if len(f) == 8 && f[1] == "POSIX" && f[3] == "READ" && f[5] == file && f[6] == strconv.Itoa(sharedFirst) {
			if process, err := strconv.Atoi(f[4]); err == nil {
				processes = append(processes, process)
			}
		}
	}
	return processes
}

// awaitReaders waits until all that hold the catalog now have let it go.
func (w *Writer) awaitReaders(ctx context.Context, verb string) error {
	if w.place.IsShared() {
		return nil
	}
	ctx, cancel, err := withLockTimeout(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	start, left := time.Now(), readersOf(w.place)
	for told := false; len(left) > 0; told = true {
		holder := slices.MinFunc(slices.Collect(maps.Keys(left)), func(a, b reader) int { return b.session - a.session })
		if !told && w.waiting != nil {
			w.waiting(holder.String())
		}
		if holder.session > 0 && time.Since(start) > ownPatience {
			return w.heldBy(verb, holder)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return contract.AsError(ctx.Err())
			}
			return w.heldBy(verb, holder)
		case <-time.After(lockRetry):
		}
		now := readersOf(w.place)
		maps.DeleteFunc(left, func(r reader, _ bool) bool { return !now[r] })
	}
	return nil
}

func (w *Writer) heldBy(verb string, holder reader) error {
	return &contract.Error{
		Kind: contract.Busy, Op: verb, Target: w.place.name, Err: fmt.Errorf("%s holds the catalog", holder),
		Hint: "read the result to its end, close it, or end that process, then try again; the lake is as it was",
	}
}
