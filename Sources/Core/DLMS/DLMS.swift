// DLMS: see docs/architecture.md.
