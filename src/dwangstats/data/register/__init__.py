"""What a register is: its tables, codes, periods and clock."""
