"""What makes input wrong or worth a remark: one module per kind of table, one sentence per rule."""
