"""Providers: which of them are silent, which joined and which left, and what that would be by chance."""
