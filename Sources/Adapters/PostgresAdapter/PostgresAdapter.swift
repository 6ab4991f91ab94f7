// PostgresAdapter: see docs/architecture.md.
