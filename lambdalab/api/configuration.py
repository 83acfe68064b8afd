"""A version as AWS shows it: the FunctionConfiguration shape. Source: `lambda-contract.md` section 3."""

from __future__ import annotations

from typing import Any

from lambdalab.model import image, snapstart
from lambdalab.model.function import FunctionVersion


def configuration(version: FunctionVersion, arn: str) -> dict[str, Any]:
    """A version with its state. `arn` is as the request addressed it."""
    shown = listed(version, qualified=False)
    states = {
        "State": version.state,
        "StateReason": version.state_reason,
        "StateReasonCode": version.state_reason_code,
        "LastUpdateStatus": version.last_update_status,
        "LastUpdateStatusReason": version.last_update_reason,
        "LastUpdateStatusReasonCode": version.last_update_reason_code,
    }
    shown |= {name: value for name, value in states.items() if value is not None}
    shown["FunctionArn"] = arn
    if version.runtime_version_arn:
        shown["RuntimeVersionConfig"] = {"RuntimeVersionArn": version.runtime_version_arn}
    return shown


def listed(version: FunctionVersion, *, qualified: bool) -> dict[str, Any]:
    """A version as lists show it: without states."""
    settings = {name: value for name, value in version.settings.items() if name not in image.KEPT}
    config = settings.pop("ImageConfig", None)
    shown: dict[str, Any] = {
        "FunctionName": version.key.name,
        "FunctionArn": version.qualified_arn if qualified else version.key.arn,
        "Runtime": version.runtime,
        "Role": version.role,
        "Handler": version.handler,
        "CodeSize": version.code.size,
        "Description": version.description,
        "Timeout": version.timeout,
        "MemorySize": version.memory_size,
        "LastModified": version.last_modified,
        "CodeSha256": version.code_hash,
        "Version": version.version,
        "RevisionId": version.revision_id,
        "PackageType": version.package_type,
        "Architectures": [version.architecture],
        "EphemeralStorage": {"Size": version.ephemeral_size},
        "TracingConfig": {"Mode": "PassThrough"},
        "SnapStart": {"ApplyOn": "None"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{version.key.name}"},
        **settings,
    }
    shown["SnapStart"] = {**shown["SnapStart"], "OptimizationStatus": "On" if snapstart.applies(version) else "Off"}
    if version.environment is not None:
        shown["Environment"] = {"Variables": version.environment}
    if version.layers:
        shown["Layers"] = [{"Arn": layer["Arn"], "CodeSize": layer["CodeSize"]} for layer in version.layers]
    if "VpcConfig" in settings:
        shown["VpcConfig"] = {
            "SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": False,
            **settings["VpcConfig"], "VpcId": version.vpc_id or "",
        }  # fmt: skip
    if config:
        shown["ImageConfigResponse"] = {"ImageConfig": config}
    return shown
