// Accounts: see docs/architecture.md.
