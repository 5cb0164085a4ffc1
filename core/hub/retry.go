package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	tries        = 6 // without any progress
	firstWait    = time.Second
	longestWait  = 30 * time.Second
	mostPatience = 15 * time.Minute // the hub's limits are per five minutes
)

// transient is a failure that may be gone at the next try.
type transient struct {
	err   error
	after time.Duration // that the server asks to wait
}

func (t *transient) Error() string { return t.err.Error() }
func (t *transient) Unwrap() error { return t.err }

// isTransient tells whether a status may be another one at the next try.
func isTransient(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500
}

// busy is the failure that a response with such a status tells.
func busy(r *http.Response) error {
	return &transient{fmt.Errorf("the server answers %s", r.Status), retryAfter(r.Header, time.Now())}
}

// retryAfter reads the header of RFC 9110: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// patience counts tries in vain.
type patience struct {
	client *Client
	vain   int
}

// again waits before another try. It gives the error back if there shall be none.
func (p *patience) again(ctx context.Context, err error) error {
	var t *transient
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !errors.As(err, &t) {
		return err
	}
	if p.vain++; p.vain >= tries {
		return fmt.Errorf("%w, %d times in a row", t.err, p.vain)
	}
	pause := min(firstWait<<(p.vain-1), longestWait)
	if t.after > mostPatience {
		return fmt.Errorf("%w and asks to wait for %s", t.err, t.after)
	}
	return p.client.Wait(ctx, max(pause, t.after))
}

// progress starts the count anew.
func (p *patience) progress() { p.vain = 0 }
