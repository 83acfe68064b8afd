"""Changing single settings of a function: what is not named stays as it is."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from lambdalab.client import languages, several, whole_numbers
from lambdalab.client.deployment import Deployment, compare
from lambdalab.client.display import Displayed
from lambdalab.client.function_api import FunctionApi
from lambdalab.client.near import did_you_mean
from lambdalab.client.variables import checked
from lambdalab.errors import BadOption, LabError

_SIMULATED = re.compile(r"\(LambdaLab: ([^)]*)\)")
_APPLY_ON = {True: "PublishedVersions", False: "None"}


@dataclass(frozen=True, slots=True)
class NewSettings:
    """Settings to give a function; None leaves one as it is. Sizes in MB, `timeout` in seconds.

    `env` is added to the variables there are, `env_remove` taken away from them. `layers` are ARNs or
    `name:version`, all that the function shall have. `kms` is a key's ARN or `alias/name`; `vpc` are subnets and
    groups. An empty list or text takes the setting away. `snapstart` holds for versions that are published from now on.
    Raises `BadOption` where it is neither True nor False, for sizes and times that are no whole numbers, and for one
    text in the place of several; for `env` as `variables.checked` does.
    """

    memory: int | None = None
    timeout: int | None = None
    ephemeral: int | None = None
    runtime: str | None = None
    handler: str | None = None
    description: str | None = None
    role: str | None = None
    architecture: str | None = None
    env: Mapping[str, str] | None = None
    env_remove: Sequence[str] = ()
    layers: Sequence[str] | None = None
    kms: str | None = None
    vpc: tuple[Sequence[str], Sequence[str]] | None = None
    log_format: str | None = None
    snapstart: bool | None = None

    def __post_init__(self) -> None:
        whole_numbers.check(memory=self.memory, timeout=self.timeout, ephemeral=self.ephemeral)
        several.check_lists(env_remove=self.env_remove, layers=self.layers)
        checked(self.env)
        if not isinstance(self.snapstart, bool | None):
            raise BadOption(
                f"snapstart is {self.snapstart!r}; it takes True (versions published from now on start from a"
                " snapshot) or False."
            )


def new_settings(given: Mapping[str, Any]) -> NewSettings:
    """The settings by their names. Raises `BadOption` for a name that none has, and as `NewSettings` does."""
    names = [one.name for one in fields(NewSettings)]
    for name in given:
        if name not in names:
            raise BadOption(f"there is no setting {name!r}.{did_you_mean(name, names)} There are: {', '.join(names)}.")
    return NewSettings(**given)


@dataclass(frozen=True, slots=True, repr=False)
class FunctionSettings(Displayed):
    """All settings of a function; `configuration` is AWS's FunctionConfiguration."""

    name: str
    configuration: Mapping[str, Any] = field(repr=False)

    def __repr__(self) -> str:
        one = self.configuration
        return f"{self.name}: {one.get('Runtime')}, {one['MemorySize']} MB, timeout {one['Timeout']} s"


def configure(api: FunctionApi, wanted: NewSettings, waiting: Callable[[str], None] | None = None) -> Deployment:
    """Give $LATEST these settings and wait until it has them. Nothing is sent when nothing would change.

    `waiting` is told of a wait that the region simulates, before it; the deployment's notes tell of it as well.
    """
    began = time.monotonic()
    before = now = api.settled()
    simulated = ""
    document = _document(api, wanted, before)
    if any(_present(before, name) != value for name, value in document.items()):
        simulated = _simulated(api.ask("PUT", "/configuration", document))
        if simulated and waiting is not None:
            waiting(simulated)
        now = api.settled()
    if wanted.architecture not in {None, before.get("Architectures", ["x86_64"])[0]}:
        now = _built_for(api, str(wanted.architecture))
    notes = (f"waited {simulated}",) if simulated else ()
    return Deployment(api.name, False, compare(before, now), time.monotonic() - began, now, notes=notes)


def _simulated(answer: Mapping[str, Any]) -> str:
    """What the region adds to AWS's reason of an update under way: a wait that it simulates; "" for none."""
    found = _SIMULATED.search(answer.get("LastUpdateStatusReason") or "")
    return found[1] if found else ""


def _document(api: FunctionApi, wanted: NewSettings, before: Mapping[str, Any]) -> dict[str, Any]:
    offers = languages.offers_of(api.session)
    found: dict[str, Any] = {
        "MemorySize": wanted.memory,
        "Timeout": wanted.timeout,
        "EphemeralStorage": None if wanted.ephemeral is None else {"Size": wanted.ephemeral},
        "Runtime": None if wanted.runtime is None else languages.runtime(wanted.runtime, offers).name,
        "Handler": wanted.handler,
        "Description": wanted.description,
        "Role": wanted.role,
        "Environment": _environment(api, wanted, before),
        "Layers": None if wanted.layers is None else [_layer_arn(before, name) for name in wanted.layers],
        "KMSKeyArn": None if wanted.kms is None else _key_arn(before, wanted.kms),
        "VpcConfig": None if wanted.vpc is None else _vpc(wanted.vpc),
        "SnapStart": None if wanted.snapstart is None else {"ApplyOn": _APPLY_ON[wanted.snapstart]},
        "LoggingConfig": None if wanted.log_format is None else {"LogFormat": wanted.log_format},
    }
    return {name: value for name, value in found.items() if value is not None}


def _environment(api: FunctionApi, wanted: NewSettings, before: Mapping[str, Any]) -> dict[str, Any] | None:
    if wanted.env is None and not wanted.env_remove:
        return None
    present = dict(before.get("Environment", {}).get("Variables", {}))
    for name in wanted.env_remove:
        if present.pop(name, None) is None:
            had = ", ".join(present) or "none"
            raise BadOption(f"{api.name} has no environment variable {name!r} to remove; it has {had}.")
    return {"Variables": {**present, **(wanted.env or {})}}


def _present(before: Mapping[str, Any], name: str) -> Any:
    value = before.get(name)
    if name == "Layers":
        return [layer["Arn"] for layer in value or ()]
    if name == "VpcConfig":
        return {part: (value or {}).get(part, []) for part in ("SubnetIds", "SecurityGroupIds")}
    if name in {"LoggingConfig", "SnapStart"}:
        member = "LogFormat" if name == "LoggingConfig" else "ApplyOn"
        return {member: (value or {}).get(member)}
    return {"Variables": {}} if value is None and name == "Environment" else value


def _layer_arn(before: Mapping[str, Any], name: str) -> str:
    """`common:1` is the account's own layer."""
    if name.startswith("arn:"):
        return name
    return _arn_like(before, "lambda", f"layer:{name}")


def _key_arn(before: Mapping[str, Any], key: str) -> str:
    """An alias or a key's id is the account's own."""
    if not key or key.startswith("arn:"):
        return key
    return _arn_like(before, "kms", key if key.startswith("alias/") else f"key/{key}")


def _arn_like(before: Mapping[str, Any], service: str, resource: str) -> str:
    """An ARN of the function's account and region."""
    _, partition, _, region, account = str(before["FunctionArn"]).split(":")[:5]
    return f"arn:{partition}:{service}:{region}:{account}:{resource}"


def _vpc(vpc: tuple[Sequence[str], Sequence[str]]) -> dict[str, list[str]]:
    return {"SubnetIds": list(vpc[0]), "SecurityGroupIds": list(vpc[1])}


def _built_for(api: FunctionApi, architecture: str) -> dict[str, Any]:
    """The same package for the other architecture: AWS takes that with the code only."""
    data = api.package()
    if data is None:
        raise LabError(
            f"The code of {api.name} cannot be had, and its architecture is set with its code: deploy it again."
        )
    document = {"ZipFile": base64.b64encode(data).decode(), "Architectures": [architecture]}
    api.ask("PUT", "/code", document)
    return api.settled()
