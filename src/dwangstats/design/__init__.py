"""From a formula to a design matrix that can be replayed on new rows."""
