package redact

// WithoutDrafts gives the names alone.
func WithoutDrafts(n Names) Names {
	n.drafts = nil
	return n
}

// HasDraft tells whether the redactor knows what to replace in a text.
func HasDraft(r *Redactor, text string) bool {
	_, ok := r.given.drafts.of([]byte(text))
	return ok
}
