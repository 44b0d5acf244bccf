"""What is wrong or worth a remark in a register: traces of errors, rules, and the report of all of them."""
