// HeadEnd: see docs/architecture.md.
