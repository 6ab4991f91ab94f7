// MeterLink: see docs/architecture.md.
