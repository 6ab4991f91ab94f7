// Supply: see docs/architecture.md.
