"""The environment variables of a function's process: AWS's own, then the function's. Pure.

Source: `lambda-contract.md` section 17. Those that say where things are come from the backend.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import ON_DEMAND, SNAP_START


def function_variables(
    version: FunctionVersion,
    *,
    runtime_api: str,
    log_group: str,
    log_stream: str,
    access: Mapping[str, str],
    initialization: str = ON_DEMAND,
) -> dict[str, str]:
    """All variables of one environment. `access` names the endpoint and the function's own credentials.

    The function's own variables may replace PATH, LANG and the like, never a reserved name: the rules
    refused those when the configuration was written. With SnapStart the log's names are not there, as on AWS: what is
    restored of one snapshot logs to streams of its own.
    """
    region = version.key.region
    platform = {
        **({"_HANDLER": version.handler} if version.handler is not None else {}),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": version.key.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_size),
        "AWS_LAMBDA_FUNCTION_VERSION": version.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": initialization,
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
    }
    if initialization != SNAP_START:
        platform |= {"AWS_LAMBDA_LOG_GROUP_NAME": log_group, "AWS_LAMBDA_LOG_STREAM_NAME": log_stream}
    if version.runtime is not None and not version.runtime.startswith("provided"):
        platform["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{version.runtime}"
    return {**access, **(version.environment or {}), **platform, **_logging(version)}


def _logging(version: FunctionVersion) -> Mapping[str, str]:
    """What tells a runtime's client to write its log as JSON, and from which level on."""
    logging = version.settings.get("LoggingConfig", {})
    if logging.get("LogFormat") != "JSON":
        return {}
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", "INFO")}
