package source

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"ddcore/core/contract"
	"ddcore/core/tablefile"
)

// Ingest reads every dictionary of metrics to find the rejects; curate needs
// the numbers. So that gigabytes of text are read once, ingest leaves them in
// the lake's folder "parsed", one file for each raw file, and curate takes them
// from there. The folder may be deleted at any time: curate then reads the text,
// as it does in a shared lake, where another machine may have ingested.

const parsedMagic = "ddcore parsed 1\n"

const parsedHead = len(parsedMagic) + 8 // the checksum, and room to align

// Parsed holds the metrics of a raw file's rows, in the order of
// contract.Metrics; tablefile.Null where one is absent.
type Parsed struct {
	values []float64 // [row][metric]
	mapped []byte    // the file behind values, or nil
}

// NewParsed makes room for n rows.
func NewParsed(n int64) *Parsed {
	p := new(Parsed)
	p.resize(n)
	return p
}

func (p *Parsed) resize(n int64) {
	size := int(n) * len(contract.Metrics)
	if cap(p.values) < size {
		p.values = make([]float64, size)
	}
	p.values = p.values[:size]
}

// Row gives the metrics of one row.
func (p *Parsed) Row(row int64) []float64 {
	n := len(contract.Metrics)
	return p.values[int(row)*n:][:n:n]
}

// Empty gives the metrics of one row, all absent.
func (p *Parsed) Empty(row int64) []float64 {
	out := p.Row(row)
	for i := range out {
		out[i] = tablefile.Null
	}
	return out
}

// Close gives the file back; values must not be used after it.
func (p *Parsed) Close() {
	if p.mapped != nil {
		_ = syscall.Munmap(p.mapped)
		p.values, p.mapped = nil, nil
	}
}

func parsedDir(lake string) string { return filepath.Join(lake, "parsed") }

func parsedPath(lake, checksum string) string { return filepath.Join(parsedDir(lake), checksum) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// head opens the file: what it is, and the checksum of the values in this
// machine's byte order, which also tells a file of another order.
func head(data []byte) []byte {
	out := append(make([]byte, 0, parsedHead), parsedMagic...)
	out = binary.NativeEndian.AppendUint32(out, crc32.Checksum(data, castagnoli))
	return out[:parsedHead]
}

// save keeps p for curate. It is an aid: where it cannot be written, nothing is
// left behind and nobody needs to know.
func (p *Parsed) save(lake, checksum string) {
	path := parsedPath(lake, checksum)
	if lake == "" || len(p.values) == 0 || os.MkdirAll(filepath.Dir(path), 0o777) != nil {
		return
	}
	data := unsafe.Slice((*byte)(unsafe.Pointer(&p.values[0])), 8*len(p.values))
	var disk syscall.Statfs_t
	if syscall.Statfs(lake, &disk) != nil || disk.Bavail*uint64(disk.Bsize) < uint64(4*len(data)) {
		return // the tables need the room
	}
	temp := path + ".partial"
	f, err := os.Create(temp)
	if err != nil {
		return
	}
	_, err = f.Write(head(data))
	if err == nil {
		_, err = f.Write(data)
	}
	if errors.Join(err, f.Close()) != nil || os.Rename(temp, path) != nil {
		_ = os.Remove(temp)
	}
}

// keeper saves the metrics of one file while those of the next are read: it has
// two rooms, in turn.
type keeper struct {
	rooms [2]Parsed
	turn  int
	done  chan struct{} // closed when the last save has ended; nil before the first
}

func (k *keeper) room(n int64) *Parsed {
	k.turn = 1 - k.turn
	p := &k.rooms[k.turn]
	p.resize(n)
	return p
}

func (k *keeper) save(p *Parsed, lake, checksum string) {
	k.wait()
	done := make(chan struct{})
	k.done = done
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // curate reads the text then
		p.save(lake, checksum)
	}()
}

func (k *keeper) wait() {
	if k.done != nil {
		<-k.done
	}
}

// LoadParsed gives the metrics of a raw file of n rows with the given checksum,
// or nil: they are not there, of another version, or damaged. Close it.
func LoadParsed(lake, checksum string, n int64) *Parsed {
	if lake == "" {
		return nil
	}
	f, err := os.Open(parsedPath(lake, checksum))
	if err != nil {
		return nil
	}
	defer f.Close()
	count := int(n) * len(contract.Metrics)
	info, err := f.Stat()
	if err != nil || count == 0 || info.Size() != int64(parsedHead+8*count) {
		return nil
	}
	mapped, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil
	}
	if data := mapped[parsedHead:]; string(mapped[:parsedHead]) != string(head(data)) {
		_ = syscall.Munmap(mapped)
		return nil
	}
	return &Parsed{unsafe.Slice((*float64)(unsafe.Pointer(&mapped[parsedHead])), count), mapped}
}

// DropParsed deletes all parsed files: when curate is done with them, or a
// writer died.
func DropParsed(lake string) {
	if lake != "" {
		_ = os.RemoveAll(parsedDir(lake))
	}
}
