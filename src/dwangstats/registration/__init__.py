"""What is registered of what happened: evidence, bounds, completeness."""
