"""What of the machine's /etc a function may see: what libraries look up, and nothing about the machine's people."""

SHOWN = (
    "nsswitch.conf", "host.conf", "ssl/certs", "ssl/openssl.cnf", "ca-certificates", "pki/tls/certs", "localtime",
    "ld.so.cache", "alternatives", "mime.types", "protocols", "services", "gai.conf", "crypto-policies",
)  # fmt: skip
CHANGING = ("resolv.conf", "hosts")
"""Those that change while a region runs: shown as they are, never as copies."""
