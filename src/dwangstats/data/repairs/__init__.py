"""Repairs of the tables, asked for by name, logged and reversible."""
