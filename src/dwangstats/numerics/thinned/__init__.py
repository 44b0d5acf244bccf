"""Counts thinned by incomplete registration: likelihood, posterior of the effects, fit and profile."""
