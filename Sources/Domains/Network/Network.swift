// Network: see docs/architecture.md.
