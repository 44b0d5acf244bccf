"""From tables to a panel: every row counted in one cell or set aside with a reason."""
