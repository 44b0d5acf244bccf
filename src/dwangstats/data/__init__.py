"""From files to a checked panel: read, check, count, and say what was set aside."""
