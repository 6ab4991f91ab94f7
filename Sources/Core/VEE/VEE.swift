// VEE: see docs/architecture.md.
