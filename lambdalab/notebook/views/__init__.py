"""The displays: one module per view, each `html(value) -> str`, static and self-contained."""
