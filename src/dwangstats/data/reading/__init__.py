"""From files and frames to tables with meaning, or to counts made where the rows are."""
