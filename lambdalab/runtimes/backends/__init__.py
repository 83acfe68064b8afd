"""Backends: where an execution environment's processes run, and what keeps them apart."""
