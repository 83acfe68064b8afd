"""What of the machine's /etc a function may see: what libraries look up, and nothing about the machine's people."""

from __future__ import annotations

from pathlib import Path

_SHOWN = (
    "nsswitch.conf", "host.conf", "ssl/certs", "ssl/openssl.cnf", "ca-certificates", "pki/tls/certs", "localtime",
    "ld.so.cache", "alternatives", "mime.types", "protocols", "services", "gai.conf", "crypto-policies",
    "java", "java-*-openjdk",  # where distributions keep a JVM's own configuration, which it does not start without
)  # fmt: skip
CHANGING = ("resolv.conf", "hosts")
"""Those that change while a region runs: shown as they are, never as copies."""
SANDBOX_NAMES = ("sandbox.localdomain", "sandbox")
"""What a sandbox is called inside: where extensions listen for telemetry."""


def shown() -> list[str]:
    """The names below /etc that functions see, of those that this machine has."""
    root = Path("/etc")
    return [str(path.relative_to(root)) for pattern in _SHOWN for path in sorted(root.glob(pattern))]


def hosts(address: str = "127.0.0.1") -> str:
    """The machine's /etc/hosts as it is now, and the sandbox's own names for `address`."""
    try:
        own = Path("/etc/hosts").read_text(errors="surrogateescape")
    except OSError:
        own = "127.0.0.1 localhost\n"
    return f"{own.rstrip()}\n{address} {' '.join(SANDBOX_NAMES)}\n"
