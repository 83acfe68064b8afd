"""How a function comes to be and changes: pure functions from a request's parameters to records.

Source: `lambda-contract.md` section 3. Parameters have passed the service model's constraints already.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lambdalab.errors import InvalidParameterValue, PreconditionFailed, ResourceConflict
from lambdalab.model import image, limits, runtime, snapstart, tags
from lambdalab.model.function import CodeReference, Function, FunctionKey, FunctionVersion
from lambdalab.model.runtime import Policy

CREATING = {"state_reason": "The function is being created.", "state_reason_code": "Creating"}
_KEPT = (
    "VpcConfig", "DeadLetterConfig", "KMSKeyArn", "TracingConfig", "SnapStart", "LoggingConfig",
    "ImageConfig",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Code:
    """What a version runs: a package of the store, or an image with the `settings` that say which."""

    reference: CodeReference
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The moment and the new revision id of a change."""

    moment: datetime
    revision_id: str

    @property
    def last_modified(self) -> str:
        """The moment as AWS writes it in LastModified."""
        return self.moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.moment.microsecond // 1000:03d}+0000"


def check_creation(params: Mapping[str, Any], policy: Policy) -> None:
    """Refuse what CreateFunction refuses, before the code is looked at."""
    tags.check(params.get("Tags", {}))
    package_type = params.get("PackageType", "Zip")
    image.check_code(params["Code"], package_type)
    if package_type == "Zip":
        for member in ("Runtime", "Handler"):
            if member not in params:
                raise InvalidParameterValue(f"{member} is required when PackageType is Zip.")
        runtime.check(params["Runtime"], policy, updating=False)
    _check_settings(params, package_type, "Text")
    snapstart.check(
        params,
        runtime=params.get("Runtime"),
        package_type=package_type,
        ephemeral_mb=params.get("EphemeralStorage", {}).get("Size", snapstart.STORAGE_MB),
    )


def create(key: FunctionKey, params: Mapping[str, Any], code: Code, stamp: Stamp) -> tuple[Function, FunctionVersion]:
    """A new function and its $LATEST, Pending."""
    version = FunctionVersion(
        key=key,
        version="$LATEST",
        role=params["Role"],
        code=code.reference,
        revision_id=stamp.revision_id,
        last_modified=stamp.last_modified,
        package_type=params.get("PackageType", "Zip"),
        architecture=params.get("Architectures", ["x86_64"])[0],
        state="Pending",
        runtime_version_arn=_runtime_version_arn(key.region, params.get("Runtime")),
        settings=code.settings,
        **CREATING,  # type: ignore[arg-type]
    )
    return Function(key, dict(params.get("Tags", {}))), _configured(version, params)


def check_update(version: FunctionVersion, params: Mapping[str, Any], policy: Policy) -> None:
    """Refuse an update of code or configuration that may not be made now."""
    check_revision(version.revision_id, params.get("RevisionId"))
    check_settled(version)
    if "Runtime" in params:
        runtime.check(params["Runtime"], policy, updating=True)
    logging = version.settings.get("LoggingConfig", {})
    _check_settings(params, version.package_type, logging.get("LogFormat", "Text"))
    if params.keys() & {"SnapStart", "Runtime", "EphemeralStorage"}:
        snapstart.check(
            params if "SnapStart" in params else version.settings,
            runtime=params.get("Runtime", version.runtime),
            package_type=version.package_type,
            ephemeral_mb=params.get("EphemeralStorage", {}).get("Size", version.ephemeral_size),
        )


def check_settled(version: FunctionVersion) -> None:
    """Refuse a change while another one is under way."""
    if not settled(version):
        raise ResourceConflict(
            f"The operation cannot be performed at this time. An update is in progress for resource: {version.key.arn}"
        )


def check_revision(present: str, given: str | None, ask: str = "GetFunction/GetAlias") -> None:
    """Refuse a change that was made for another revision. `ask` names the operation that tells the present one."""
    if given is not None and given != present:
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. "
            f"Call the {ask} API to retrieve the latest Revision Id"
        )


def check_code_kind(version: FunctionVersion, params: Mapping[str, Any]) -> None:
    """Refuse code of the other package type."""
    if version.package_type == "Zip" and "ImageUri" in params:
        raise InvalidParameterValue("Please don't provide ImageUri when updating a function with packageType Zip.")
    if version.package_type == "Image" and "ImageUri" not in params:
        raise InvalidParameterValue("Please provide ImageUri when updating a function with packageType Image.")


def update_code(version: FunctionVersion, params: Mapping[str, Any], code: Code, stamp: Stamp) -> FunctionVersion:
    """$LATEST with other code, InProgress."""
    architecture = params.get("Architectures", [version.architecture])[0]
    settings = {**version.settings, **code.settings}
    return _in_progress(replace(version, code=code.reference, architecture=architecture, settings=settings), stamp)


def update_configuration(version: FunctionVersion, params: Mapping[str, Any], stamp: Stamp) -> FunctionVersion:
    """$LATEST with other settings; what is not named stays. InProgress."""
    return _in_progress(_configured(version, params), stamp)


def settle(version: FunctionVersion, revision_id: str) -> FunctionVersion:
    """The end of a creation or update: Active and Successful, under a new revision id."""
    return replace(
        version,
        state="Active",
        state_reason=None,
        state_reason_code=None,
        last_update_status="Successful",
        last_update_reason=None,
        last_update_reason_code=None,
        revision_id=revision_id,
    )


def failed(version: FunctionVersion, revision_id: str, code: str, reason: str) -> FunctionVersion:
    """The end of a creation that did not succeed: Failed, with AWS's code and a reason."""
    return replace(
        version,
        state="Failed",
        state_reason=reason,
        state_reason_code=code,
        last_update_status="Failed",
        last_update_reason=reason,
        last_update_reason_code=code,
        revision_id=revision_id,
    )


def settled(version: FunctionVersion) -> bool:
    """Whether nothing is under way."""
    return version.state != "Pending" and version.last_update_status != "InProgress"


def _in_progress(version: FunctionVersion, stamp: Stamp) -> FunctionVersion:
    return replace(
        version,
        revision_id=stamp.revision_id,
        last_modified=stamp.last_modified,
        last_update_status="InProgress",
        last_update_reason="The function is being created.",
        last_update_reason_code="Creating",
    )


def _configured(version: FunctionVersion, params: Mapping[str, Any]) -> FunctionVersion:
    changed: dict[str, Any] = {}
    for member, field in (
        ("Role", "role"), ("Handler", "handler"), ("Description", "description"), ("Timeout", "timeout"),
        ("MemorySize", "memory_size"), ("Runtime", "runtime"),
    ):  # fmt: skip
        if member in params:
            changed[field] = params[member]
    if "EphemeralStorage" in params:
        changed["ephemeral_size"] = params["EphemeralStorage"]["Size"]
    if "Environment" in params:
        changed["environment"] = dict(params["Environment"].get("Variables", {}))
    settings = {**version.settings, **{name: params[name] for name in _KEPT if name in params}}
    if "LoggingConfig" in params:
        settings["LoggingConfig"] = _logging(version, params["LoggingConfig"])
    return replace(
        version, **changed, settings={name: value for name, value in settings.items() if value not in ("", None)}
    )


def _logging(version: FunctionVersion, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The whole logging configuration: levels come with JSON and go with it."""
    before = version.settings.get("LoggingConfig", {})
    merged = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{version.key.name}", **before, **given}
    levels = ("ApplicationLogLevel", "SystemLogLevel")
    if merged["LogFormat"] == "JSON":
        return {**dict.fromkeys(levels, "INFO"), **merged}
    return {name: value for name, value in merged.items() if name not in levels}


def check_offered(params: Mapping[str, Any]) -> None:
    """Refuse what newer AWS features ask for: to take it and do without would be another function."""
    for member, feature in NOT_OFFERED.items():
        if params.get(member):
            raise InvalidParameterValue(f"{member} ({feature}) is not offered by LambdaLab: leave it out.")


NOT_OFFERED = {
    "AcceleratorConfig": "accelerated computing",
    "CapacityProviderConfig": "Managed Instances",
    "DurableConfig": "durable functions",
    "PublishTo": "publishing for Managed Instances",
    "RuntimeConfig": "custom runtimes by configuration",
    "TenancyConfig": "tenant isolation",
}
"""Members of requests by the feature they belong to. Source: `lambda-contract.md` section 22."""


def _check_settings(params: Mapping[str, Any], package_type: str, log_format: str) -> None:
    """`log_format` is the present one, for a request that names none."""
    check_offered(params)
    image.check_settings(params, package_type)
    _check_dead_letters(params.get("DeadLetterConfig", {}).get("TargetArn"))
    if "MemorySize" in params:
        limits.check_range("memorySize", params["MemorySize"])
    if "Timeout" in params:
        limits.check_range("timeout", params["Timeout"])
    if "EphemeralStorage" in params:
        limits.check_range("ephemeralStorage.size", params["EphemeralStorage"]["Size"])
    limits.check_no_nul("The handler", params.get("Handler", ""))
    limits.check_environment(params.get("Environment", {}).get("Variables", {}))
    if params.get("FileSystemConfigs"):
        raise InvalidParameterValue(
            "FileSystemConfigs (Amazon EFS, S3 Files) are not offered by LambdaLab: leave them out; "
            "/tmp holds up to EphemeralStorage."
        )
    logging = params.get("LoggingConfig", {})
    if logging.get("LogFormat", log_format) == "Text" and (
        "ApplicationLogLevel" in logging or "SystemLogLevel" in logging
    ):
        raise InvalidParameterValue(
            'LogLevel is not supported when LogFormat is set to "Text". '
            'Remove LogLevel from your request or change the LogFormat to "JSON" and try again.'
        )


def _check_dead_letters(target: str | None) -> None:
    if target and not re.match(r"arn:aws[a-zA-Z-]*:(sqs|sns):", target):
        raise InvalidParameterValue(
            f"The provided dead letter target {target} is invalid: it must be the ARN of an SQS queue or an SNS topic."
        )


def _runtime_version_arn(region: str, runtime_name: str | None) -> str | None:
    """An ARN of AWS's form. Its hash is of the lab's own making: the build that runs here is not AWS's."""
    if runtime_name is None:
        return None
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(f'lambdalab {runtime_name}'.encode()).hexdigest()}"
