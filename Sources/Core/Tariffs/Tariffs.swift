// Tariffs: see docs/architecture.md.
