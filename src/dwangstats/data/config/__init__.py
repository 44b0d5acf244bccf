"""The analysis file: its sections, checked and complete with their defaults."""
