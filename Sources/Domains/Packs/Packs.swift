// Packs: see docs/architecture.md.
