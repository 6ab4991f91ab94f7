// Grid (places and grid: the Network of the domain graph): see docs/architecture.md.
