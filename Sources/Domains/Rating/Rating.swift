// Rating: see docs/architecture.md.
