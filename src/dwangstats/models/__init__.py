"""Models of registered rates, their results and their certificates."""
