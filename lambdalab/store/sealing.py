"""Environment variables at rest: always encrypted, with a key made for the home.

AES-256-GCM by `cryptography`. The key lies in the home, mode 0600: this keeps secrets out of the database's
file, its copies and its backups, not from the person whose home it is. What is sealed is bound to its function,
so that one function's secrets cannot be put into another's row.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path

from lambdalab.errors import LabError
from lambdalab.store.files import write_private

_NONCE_BYTES = 12
_KEY_BYTES = 32
_DIGEST = b"lambdalab digest of environment variables"
"""What the key of digests is made for: it is not the one that seals."""


class Sealer:
    """Seals and opens small documents with the home's key, which is made when it is first needed."""

    def __init__(self, key_file: Path) -> None:
        self._file = key_file
        self._cached: bytes | None = None

    def seal(self, variables: Mapping[str, str], owner: str) -> str:
        """The variables as text that says nothing without the key."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only where there is a secret

        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._key()).encrypt(nonce, json.dumps(variables).encode(), owner.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, owner: str) -> dict[str, str]:
        """The variables again. Raises `LabError` when the key is not the one that sealed them."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        raw = base64.b64decode(sealed)
        try:
            text = AESGCM(self._key()).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode())
        except InvalidTag as wrong:
            raise LabError(
                f"The environment variables of {owner} cannot be read: {self._file} is not the key that sealed them. "
                "Put the old file back, or set the variables again."
            ) from wrong
        variables: dict[str, str] = json.loads(text)
        return variables

    def digest(self, variables: Mapping[str, str], owner: str) -> str:
        """The same text for the same variables of the same owner, and for nobody else a way to guess them."""
        key = hmac.digest(self._key(), _DIGEST, "sha256")
        text = json.dumps([owner, sorted(variables.items())])
        return hmac.new(key, text.encode(), "sha256").hexdigest()

    def _key(self) -> bytes:
        if self._cached is None:
            if not self._file.exists():
                write_private(self._file, os.urandom(_KEY_BYTES))
            self._cached = self._file.read_bytes()
        return self._cached
