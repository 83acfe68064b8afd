"""Runtimes: the catalogue, the Runtime API, the clients inside the sandbox, and the backends that isolate."""
