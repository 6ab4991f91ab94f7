// Payments: see docs/architecture.md.
