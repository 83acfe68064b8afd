"""Records and rules of Lambda's things. Pure: no I/O, no clock of its own."""
