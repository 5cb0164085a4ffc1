// Package hub downloads data sets from the Hugging Face Hub, or a mirror of it,
// into a folder: pinned to a commit, resumed after a kill, checked by hash.
package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ddcore/core/contract"
)

// Variables are the variables of the environment that count; their names and
// meaning are huggingface_hub's.
var Variables = []string{
	"HF_ENDPOINT", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "XDG_CACHE_HOME", "HOME",
}

const publicHub = "https://huggingface.co"

// Settings say where the hub is, and how to speak with it.
type Settings struct {
	Endpoint  string // default: the public hub
	Token     string // sent to the endpoint only
	Cache     string // folder of huggingface_hub's cache, "" for none
	Offline   bool   // no requests: what the folder and the cache hold
	UserAgent string

	// Wait is how to pass the time before another try; default: to wait.
	Wait func(context.Context, time.Duration) error
	// Stall is how long a connection may be silent; default: a minute.
	Stall time.Duration
}

// FromEnvironment reads the settings as huggingface_hub does.
func FromEnvironment() (Settings, error) {
	s := Settings{
		Endpoint: os.Getenv("HF_ENDPOINT"),
		Cache:    os.Getenv("HF_HUB_CACHE"),
		Offline:  slices.Contains([]string{"1", "ON", "YES", "TRUE"}, strings.ToUpper(os.Getenv("HF_HUB_OFFLINE"))),
	}
	home := homeFolder()
	if s.Cache == "" {
		s.Cache = filepath.Join(home, "hub")
	}
	var err error
	s.Token, err = token(home)
	return s, err
}

// homeFolder is where huggingface_hub keeps its things.
func homeFolder() string {
	if home := os.Getenv("HF_HOME"); home != "" {
		return home
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	return filepath.Join(cache, "huggingface")
}

// token reads the user's token: HF_TOKEN, else the file that `hf auth login` writes.
func token(home string) (string, error) {
	if t := strings.TrimSpace(os.Getenv("HF_TOKEN")); t != "" {
		return t, nil
	}
	file := os.Getenv("HF_TOKEN_PATH")
	if file == "" {
		file = filepath.Join(home, "token")
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", &contract.Error{Kind: contract.IO, Op: "download", Target: "the file with the hub's token", Err: cause(err), Hint: "make it readable, or set HF_TOKEN"}
	}
	return strings.TrimSpace(string(text)), nil
}

// Client speaks with one hub.
type Client struct {
	Settings
	endpoint *url.URL
	http     *http.Client
}

// New checks the settings and makes a client.
func New(s Settings) (*Client, error) {
	if s.Endpoint == "" {
		s.Endpoint = publicHub
	}
	if s.Wait == nil {
		s.Wait = wait
	}
	if s.Stall == 0 {
		s.Stall = time.Minute
	}
	endpoint, err := url.Parse(strings.TrimRight(s.Endpoint, "/"))
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
		return nil, &contract.Error{Kind: contract.Invalid, Op: "download", Target: "HF_ENDPOINT", Err: errors.New("this is no address of a hub"), Hint: "e.g. " + publicHub + "; unset it for the public hub"}
	}
	if strings.ContainsAny(s.Token, "\r\n") {
		return nil, &contract.Error{Kind: contract.Invalid, Op: "download", Target: "the hub's token", Err: errors.New("it has several lines"), Hint: "`hf auth login` writes it anew"}
	}
	return &Client{Settings: s, endpoint: endpoint, http: &http.Client{Transport: &signer{endpoint, s.Token, s.UserAgent, http.DefaultTransport}}}, nil
}

// signer adds the token to requests for the hub itself. It stands below the
// redirects, so another host (also another port, a subdomain, or http instead of
// https) never sees the token.
type signer struct {
	endpoint         *url.URL
	token, userAgent string
	below            http.RoundTripper
}

func (s *signer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", s.userAgent)
	if s.token != "" && r.URL.Scheme == s.endpoint.Scheme && strings.EqualFold(r.URL.Host, s.endpoint.Host) {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	return s.below.RoundTrip(r)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// cause takes paths and addresses off an error: they name people, or hold the
// signatures of redirects.
func cause(err error) error {
	var onPath *os.PathError
	var onLink *os.LinkError
	var onURL *url.Error
	switch {
	case errors.As(err, &onPath):
		return onPath.Err
	case errors.As(err, &onLink):
		return onLink.Err
	case errors.As(err, &onURL):
		return onURL.Err
	}
	return err
}

func ioError(target string, err error, hint string) error {
	var e *contract.Error
	if err == nil || errors.As(err, &e) || errors.Is(err, context.Canceled) {
		return err
	}
	return &contract.Error{Kind: contract.IO, Op: "download", Target: target, Err: cause(err), Hint: hint}
}

func invalid(target, hint, format string, args ...any) error {
	return &contract.Error{Kind: contract.Invalid, Op: "download", Target: target, Err: fmt.Errorf(format, args...), Hint: hint}
}
