// Meters: see docs/architecture.md.
