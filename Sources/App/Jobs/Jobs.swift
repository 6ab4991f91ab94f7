// Jobs: see docs/architecture.md.
