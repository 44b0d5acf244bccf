"""Who had to deliver what and when, what counts of it, and what was known on a date."""
