"""What things cost on AWS: a dated price table, and exact arithmetic on it."""
