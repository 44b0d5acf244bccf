"""Synthetic registers with known truth."""
