"""Words, figures, tables and the report; everything here takes finished results."""
