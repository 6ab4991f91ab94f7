// SQLiteAdapter: see docs/architecture.md.
