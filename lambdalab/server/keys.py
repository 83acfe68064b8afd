"""The keys made for a home: one pair for the person, one with a session token for the functions' role."""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lambdalab.errors import HomeUnusable
from lambdalab.store.files import write_private

_BASE32 = string.ascii_uppercase + "234567"
_SECRET = string.ascii_letters + string.digits + "+/"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key in AWS's form: 20 characters of id, 40 of secret; `token` for temporary ones."""

    access_key_id: str
    secret_access_key: str
    account: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a home: the person's and the functions'."""

    person: KeyPair
    function: KeyPair


def load_or_make(path: Path, account: str) -> Keys:
    """The keys in `path` (mode 0600); made and written there the first time, and when the account changed.

    Raises `HomeUnusable` when the file is not one that was written here.
    """
    if path.exists():
        kept = _kept(path)
        if kept.person.account == account:
            return kept
    made = Keys(_make("AKIA", account), _make("ASIA", account, token=secrets.token_urlsafe(96)))
    write_private(path, json.dumps(asdict(made), indent=2).encode())
    return made


def _kept(path: Path) -> Keys:
    try:
        document: Mapping[str, Mapping[str, str]] = json.loads(path.read_text())
        return Keys(KeyPair(**document["person"]), KeyPair(**document["function"]))
    except (ValueError, LookupError, TypeError) as broken:
        raise HomeUnusable(
            f"The home {path.parent} cannot be used: {path.name} in it holds the lab's keys, and is empty or broken. "
            "Delete that file and new keys are made (a shell that has the old ones needs `lambdalab env` again), or "
            "name another home in LAMBDALAB_HOME."
        ) from broken


def _make(prefix: str, account: str, token: str = "") -> KeyPair:
    key_id = prefix + "".join(secrets.choice(_BASE32) for _ in range(16))
    return KeyPair(key_id, "".join(secrets.choice(_SECRET) for _ in range(40)), account, token)
