"""A function as a record: one version's code and configuration, frozen; changes make new records."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

LATEST = "$LATEST"
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
State = Literal["Pending", "Active", "Inactive", "Failed"]
UpdateStatus = Literal["InProgress", "Successful", "Failed"]


def version_number(qualifier: str) -> int | None:
    """The number of a published version, as AWS writes it: from 1, without leading zeros. None for other text."""
    return int(qualifier) if _NUMBER.fullmatch(qualifier) else None


@dataclass(frozen=True, slots=True)
class CodeReference:
    """A package in the store: the lowercase hex sha256 of the zip's bytes, its size, and its size unzipped (bytes).

    Of an image: its digest, and no size.
    """

    sha256: str
    size: int
    unzipped_size: int


class FunctionKey(NamedTuple):
    """Which function: owner account, region, name. A tuple, for it is looked up by a dozen times in every call."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The unqualified ARN."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """Code and configuration of one version ($LATEST or a number), as AWS's FunctionConfiguration describes them.

    Sizes in MB (MiB), `timeout` in seconds. `last_modified` is AWS's text form (`2026-11-01T12:00:00.123+0000`).
    `layers` are {Arn, CodeSize} and what runs needs of each. `fingerprint` is that of the $LATEST that a
    version was published from. With a KMSKeyArn `kms_sealed` are the variables as that key sealed them and
    `environment_digest` is the home's keyed digest of them; `environment` is then None, but in a version that is
    being started, shown or changed.
    `settings` holds the members that are kept and answered as they came, by their AWS name: VpcConfig,
    DeadLetterConfig, KMSKeyArn, TracingConfig, SnapStart, LoggingConfig, ImageConfig; and those of `image.KEPT`.
    """

    key: FunctionKey
    version: str
    role: str
    code: CodeReference
    revision_id: str
    last_modified: str
    runtime: str | None = None
    handler: str | None = None
    description: str = ""
    timeout: int = 3
    memory_size: int = 128
    ephemeral_size: int = 512
    package_type: str = "Zip"
    architecture: str = "x86_64"
    environment: Mapping[str, str] | None = None
    layers: tuple[Mapping[str, Any], ...] = ()
    state: State = "Pending"
    state_reason: str | None = None
    state_reason_code: str | None = None
    last_update_status: UpdateStatus | None = None
    last_update_reason: str | None = None
    last_update_reason_code: str | None = None
    runtime_version_arn: str | None = None
    fingerprint: str | None = None
    vpc_id: str | None = None
    kms_sealed: str | None = None
    environment_digest: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def qualified_arn(self) -> str:
        """The ARN ending with this version."""
        return f"{self.key.arn}:{self.version}"

    @property
    def code_hash(self) -> str:
        """CodeSha256 as AWS shows it: base64 of a package's hash, hexadecimal of an image's."""
        return (
            base64.b64encode(bytes.fromhex(self.code.sha256)).decode()
            if self.package_type == "Zip"
            else self.code.sha256
        )

    @property
    def packages(self) -> tuple[str, ...]:
        """The sha256 of everything that runs of it is unpacked from: its code and its layers; nothing of an image."""
        if self.package_type != "Zip":
            return ()
        return self.code.sha256, *(layer["CodeSha256"] for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Function:
    """What belongs to a function as a whole, whatever its version."""

    key: FunctionKey
    tags: Mapping[str, str] = field(default_factory=dict)
    reserved_concurrency: int | None = None
    last_version: int = 0
