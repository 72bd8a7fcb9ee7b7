"""Access codes: publishers issue, read, change and delete codes that open content."""
