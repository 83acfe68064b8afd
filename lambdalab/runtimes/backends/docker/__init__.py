"""Containers of a Docker engine: AWS's own images, or any that keep their contract.

Code reaches a container by archive, never by bind mount, so that any engine with Docker's API will do: a remote
one, one in a virtual machine, Podman's. Where the engine's processes are this machine's own, the package measures
and freezes them as the other backends do; elsewhere it asks the engine, and says so.
"""
