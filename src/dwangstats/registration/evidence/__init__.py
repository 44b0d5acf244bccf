"""Evidence on completeness from outside the counts: one class per kind."""
