package dashboard

import (
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"ddcore/core"
	"ddcore/core/contract"
)

const cookieName = "ddcore_token"

// policy keeps the page to itself: no script but its own, nothing from elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard lets through what comes from the page itself, from a user who knows the
// token where one is needed, and under a name that is ours.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !s.isOurHost(r.Host):
			forbid(w, "the request is for another host than this server's", "open the address that `ddcore serve` printed")
		case s.allowOrigin(w, r):
			s.authorised(w, r, next)
		case !isSameSite(r):
			forbid(w, "the request comes from another site", "open the dashboard itself; --allow-origin lets a site use /api")
		default:
			s.authorised(w, r, next)
		}
	})
}

func forbid(w http.ResponseWriter, problem, hint string) {
	writeJSON(w, http.StatusForbidden, map[string]failure{"error": {contract.Invalid, problem, "", hint}})
}

func (s *Server) isOurHost(host string) bool {
	if len(s.Hosts) == 0 {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.Contains(s.Hosts, strings.ToLower(strings.Trim(host, "[]")))
}

// allowOrigin tells whether a page that was named may make this request, of the
// old application's routes, and says so to the browser.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if !strings.HasPrefix(r.URL.Path, "/api/") || !slices.Contains(s.AllowOrigins, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	w.Header().Add("Vary", "Origin")
	return r.Method == http.MethodGet
}

// isSameSite tells whether no other site is behind a request. A link to the page
// is none: it gives the site nothing.
func isSameSite(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && !strings.EqualFold(strings.TrimPrefix(strings.TrimPrefix(origin, "http://"), "https://"), r.Host) {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return true
	default:
		return r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	}
}

// authorised asks for the token. The address with the token in it is used once:
// it becomes a cookie, and the browser goes on without it.
func (s *Server) authorised(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if s.Token == "" {
		next.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/" && r.Method == http.MethodGet && s.isToken(r.URL.Query().Get("token")) {
		http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.Token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	cookie, err := r.Cookie(cookieName)
	if s.isToken(bearer) || err == nil && s.isToken(cookie.Value) {
		next.ServeHTTP(w, r)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="ddcore"`)
	e := &core.Error{Kind: contract.Invalid, Op: "open", Err: errors.New("the token is missing or wrong"), Hint: "open the address that `ddcore serve` printed, with ?token=…"}
	writeJSON(w, http.StatusUnauthorized, map[string]failure{"error": {e.Kind, e.Err.Error(), "", e.Hint}})
}

func (s *Server) isToken(given string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.Token)) == 1
}
