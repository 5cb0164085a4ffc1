package wandb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"ddcore/core/source/lines"

	"google.golang.org/protobuf/encoding/protowire"
)

// An offline log is LevelDB's log format: a head of seven bytes, then blocks of
// 32 KiB that hold fragments of records, each with a checksum.
const (
	logMagic     = ":W&B"
	logHead      = 7
	logBlock     = 32 << 10
	fragmentHead = 7
)

// Kinds of fragments.
const (
	fragmentFull = iota + 1
	fragmentFirst
	fragmentMiddle
	fragmentLast
)

// errDamaged says where a log cannot be read on; what stands before is good.
type errDamaged struct {
	offset int64
	what   string
}

func (e *errDamaged) Error() string {
	return fmt.Sprintf("the log is damaged at byte %d (%s): the run was killed, or the file is still being written; all records before are kept", e.offset, e.what)
}

// logReader reads the records of a log.
type logReader struct {
	r      io.Reader
	offset int64
	record []byte
}

// records shows each record, until the end or the first damage.
func (l *logReader) records(visit func(record []byte) error) error {
	if err := l.head(); err != nil {
		return err
	}
	for {
		record, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(record); err != nil {
			return err
		}
	}
}

func (l *logReader) head() error {
	head := make([]byte, logHead)
	if _, err := io.ReadFull(l.r, head); err != nil {
		return l.damage("the head is cut off")
	}
	if string(head[:4]) != logMagic || head[4] != 0xE1 || head[5] != 0xBE || head[6] != 0 {
		return l.damage("an unknown version of the format")
	}
	l.offset = logHead
	return nil
}

func (l *logReader) damage(what string) error { return &errDamaged{l.offset, what} }

// next joins the fragments of one record.
func (l *logReader) next() ([]byte, error) {
	l.record = l.record[:0]
	for isFirst := true; ; isFirst = false {
		kind, data, err := l.fragment()
		switch {
		case errors.Is(err, io.EOF) && !isFirst:
			return nil, l.damage("a record is cut off")
		case err != nil:
			return nil, err
		case isFirst != (kind == fragmentFull || kind == fragmentFirst) || kind > fragmentLast:
			return nil, l.damage("a fragment is out of order")
		}
		l.record = append(l.record, data...)
		if kind == fragmentFull || kind == fragmentLast {
			return l.record, nil
		}
	}
}

func (l *logReader) fragment() (kind byte, data []byte, err error) {
	if left := logBlock - l.offset%logBlock; left < fragmentHead { // the end of a block is filled up
		n, _ := io.CopyN(io.Discard, l.r, left)
		l.offset += n
	}
	head := make([]byte, fragmentHead)
	switch n, err := io.ReadFull(l.r, head); {
	case n == 0 && errors.Is(err, io.EOF):
		return 0, nil, io.EOF
	case err != nil:
		return 0, nil, l.damage("a fragment's head is cut off")
	}
	data = make([]byte, 1+int(binary.LittleEndian.Uint16(head[4:])))
	data[0] = head[6]
	if _, err := io.ReadFull(l.r, data[1:]); err != nil {
		return 0, nil, l.damage("a fragment is cut off")
	}
	if crc32.ChecksumIEEE(data) != binary.LittleEndian.Uint32(head) {
		return 0, nil, l.damage("a checksum is wrong")
	}
	l.offset += fragmentHead + int64(len(data)-1)
	return data[0], data[1:], nil
}

// fields shows the fields of a protobuf message. Numbers come as number, texts
// and messages as data.
func fields(message []byte, visit func(field protowire.Number, number uint64, data []byte)) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var number uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			number, n = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(field, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		visit(field, number, data)
		message = message[n:]
	}
	return nil
}

// Fields of wandb_internal.proto's Record that are read.
const (
	recordHistory     = 2
	recordSummary     = 3
	recordConfig      = 5
	recordRun         = 17
	recordExit        = 18
	recordEnvironment = 26
)

// blocks shows the run as one line.
func (o *offlineRun) blocks() lines.Blocks {
	return func(_ context.Context, yield func(lines.Block) error) error {
		return yield(lines.Block{Text: o.line, Line: 1, Broken: o.broken, IsLast: true})
	}
}

// historyBlocks reads the log again and shows its history as lines.
func (o *offlineRun) historyBlocks(r io.Reader) lines.Blocks {
	return func(ctx context.Context, yield func(lines.Block) error) error {
		log, line := logReader{r: r}, int64(1)
		var text []byte
		err := log.records(func(record []byte) error {
			before := len(text)
			err := fields(record, func(field protowire.Number, _ uint64, data []byte) {
				if field == recordHistory {
					text = append(o.historyEntry(text, data), '\n')
				}
			})
			if err != nil {
				text = text[:before]
				return log.damage(err.Error())
			}
			if len(text) < lines.BlockBytes {
				return ctx.Err()
			}
			full := lines.Block{Text: text, Line: line}
			line += int64(countLines(text))
			text = nil
			return yield(full)
		})
		last := lines.Block{Text: text, Line: line, IsLast: true}
		var damage *errDamaged
		if errors.As(err, &damage) {
			last.Broken, err = damage.Error(), nil
		}
		if err != nil {
			return err
		}
		return yield(last)
	}
}
