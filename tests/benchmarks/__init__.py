"""Measurements, not tests: `make bench`. Figures are printed with their spread; nothing is asserted."""
