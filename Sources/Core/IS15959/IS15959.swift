// IS15959: see docs/architecture.md.
