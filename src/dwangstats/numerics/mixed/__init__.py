"""Likelihood of count models with random effects: arrays in, arrays out."""
