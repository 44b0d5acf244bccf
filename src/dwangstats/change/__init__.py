"""Change between two periods: which providers are kept, and what that does."""
