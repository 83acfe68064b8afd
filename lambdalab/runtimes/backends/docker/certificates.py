"""The certificates for an engine that is spoken to by TLS, named as the docker command has them named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambdalab.errors import EngineUnavailable

_VERIFY, _FOLDER = "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"
_AUTHORITY, _OWN, _KEY = "ca.pem", "cert.pem", "key.pem"


def find(environ: Mapping[str, str], url: str) -> Any:
    """What the SDK takes for `tls`; None where no TLS is asked for, or the URL is a socket's.

    With DOCKER_CERT_PATH alone too the engine's certificate is verified: its authority is in that folder.
    Raises `EngineUnavailable` when a file is missing.
    """
    named = environ.get(_FOLDER)
    if not (named or environ.get(_VERIFY)) or url.startswith("unix://"):
        return None
    from docker.tls import TLSConfig  # noqa: PLC0415 - slow to import

    folder = Path(named) if named else Path(environ.get("HOME", "/"), ".docker")
    missing = [name for name in (_AUTHORITY, _OWN, _KEY) if not (folder / name).is_file()]
    if missing:
        why = f"which {_FOLDER} names" if named else f"where they are unless {_FOLDER} names another folder"
        raise EngineUnavailable(f"TLS takes certificates, and {folder}, {why}, has no {', no '.join(missing)}")
    own = (str(folder / _OWN), str(folder / _KEY))
    return TLSConfig(client_cert=own, ca_cert=str(folder / _AUTHORITY), verify=True)
