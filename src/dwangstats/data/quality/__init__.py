"""How well each provider kept its register, from the register itself."""
