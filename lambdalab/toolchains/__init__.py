"""Compilers and fetchers of this machine, which the builders of cells and the runtimes' clients both use."""
