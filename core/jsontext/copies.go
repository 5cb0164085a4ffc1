package jsontext

import "bytes"

// Copies reads texts that hold long objects more than once: W&B writes a run's
// configuration and summary two and three times. A copy is known by its bytes,
// and passed over at the speed of a comparison. Its zero value is ready; use one
// for many texts, in one goroutine.
type Copies struct {
	read [][]byte // long objects of the text
}

const (
	longObject  = 1 << 10 // bytes that make an object worth comparing
	manyObjects = 64      // objects to compare with
	shallow     = 16      // levels at which copies are looked for: maxDepth then bounds the nesting all the same, nearly
)

// Whole is the function Whole.
func (c *Copies) Whole(b []byte) error {
	c.read = c.read[:0]
	return whole(b, c)
}

// Members is the function Members.
func (c *Copies) Members(b []byte, visit func(key, value []byte) error) error {
	c.read = c.read[:0]
	return members(b, visit, c)
}

// find gives the end of the object at i if it was read before.
func (c *Copies) find(b []byte, i int) (end int, ok bool) {
	for _, read := range c.read {
		if bytes.HasPrefix(b[i:], read) {
			return i + len(read), true
		}
	}
	return i, false
}

// keep notes an object that was read.
func (c *Copies) keep(object []byte) {
	if len(object) >= longObject && len(c.read) < manyObjects {
		c.read = append(c.read, object)
	}
}
