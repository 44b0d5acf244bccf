"""Simulation studies: how often an analysis is right when the truth is known."""
