"""What a home keeps: functions in SQLite, packages by their sha256."""
