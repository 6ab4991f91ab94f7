// LoadFiles: see docs/architecture.md.
