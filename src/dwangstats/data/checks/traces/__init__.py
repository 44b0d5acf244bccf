"""What errors of registration leave behind in the register: functions on tables, without sentences."""
