"""What a backend is asked to start for an execution environment: the version's code, variables and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lambdalab.engine.environment import ExecutionEnvironment
from lambdalab.engine.logs import log_group
from lambdalab.engine.variables import function_variables
from lambdalab.errors import ResourceNotFound
from lambdalab.model import image
from lambdalab.model.function import FunctionVersion
from lambdalab.runtimes.backends.base import Place, SandboxSpec
from lambdalab.store.packages import PackageStore


def of(
    environment: ExecutionEnvironment,
    version: FunctionVersion,
    place: Place,
    address: str,
    *,
    access: Mapping[str, str],
    packages: PackageStore,
) -> SandboxSpec:
    """The specification of an environment whose Runtime API is at `address`; `access` is what its SDK is given.

    Raises `ResourceNotFound` when the version's packages are gone.
    """
    variables = function_variables(
        version,
        runtime_api=address,
        log_group=log_group(version),
        log_stream=environment.log_stream,
        access=access,
        initialization=environment.initialization,
    )
    try:
        code, *layers = [packages.unpacked(sha256) for sha256 in version.packages] or [Path()]
    except FileNotFoundError as gone:  # deleted between the request's arrival and its turn
        raise ResourceNotFound(f"Function not found: {version.qualified_arn}") from gone
    return SandboxSpec(
        id=environment.id,
        runtime=version.runtime or "",
        handler=version.handler or "",
        code=code,
        layers=tuple(layers),
        environment=variables,
        runtime_api=address,
        memory_mb=version.memory_size,
        ephemeral_mb=version.ephemeral_size,
        image=image.of(version),
        backend=place.backend,
        architecture=version.architecture,
    )
