"""Numbers on arrays: families, fits, covariance; no frames, no strings, no pictures."""
