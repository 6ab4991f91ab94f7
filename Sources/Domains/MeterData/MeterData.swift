// MeterData: see docs/architecture.md.
