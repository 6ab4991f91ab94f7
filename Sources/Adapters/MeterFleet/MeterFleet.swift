// MeterFleet: see docs/architecture.md.
