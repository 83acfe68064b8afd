"""The region's process: `python -m lambdalab.server`, one for a lab home."""
