"""The family of versions: publish and list. Source: `lambda-contract.md` section 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lambdalab.api import encryption, paging, resolving
from lambdalab.api.changing import publish, settle_soon
from lambdalab.api.configuration import configuration, listed
from lambdalab.api.operations import Call, operation
from lambdalab.engine.snapshots import READY_AT_ONCE
from lambdalab.model import function_rules, limits, version_rules
from lambdalab.model.function import LATEST, FunctionVersion
from lambdalab.model.function_rules import check_revision, check_settled

if TYPE_CHECKING:
    from lambdalab.api.region import Region


def restore(region: Region, unsettled: Sequence[FunctionVersion]) -> None:
    """Have again the snapshots that there were when the region last ran, of the functions that were published last.

    Other versions have theirs from their next call on. `unsettled` are versions that were waiting for their first.
    """
    for version in unsettled:
        settle_soon(region, version)
    snapped = [version for version in region.functions.snapped() if version.state == "Active"]
    for version in sorted(snapped, key=lambda version: version.last_modified, reverse=True)[:READY_AT_ONCE]:
        region.dispatcher.snapshots.keep(version)


@operation("PublishVersion")
async def publish_version(region: Region, call: Call) -> Mapping[str, Any]:
    """Make $LATEST a version; the same code and configuration twice are the same version."""
    asked = resolving.unqualified(region, call)
    function_rules.check_offered(call.params)
    latest = resolving.latest(region, asked)
    check_settled(latest)
    check_revision(latest.revision_id, call.params.get("RevisionId"))
    version_rules.check_code(latest, call.params.get("CodeSha256"))
    version = publish(region, latest, call.params.get("Description"))
    return await encryption.shown(region, version, configuration(version, version.qualified_arn))


@operation("ListVersionsByFunction")
async def list_versions_by_function(region: Region, call: Call) -> Mapping[str, Any]:
    """$LATEST first, then the versions ascending, at most fifty a page."""
    asked = resolving.reference(region, call)
    resolving.latest(region, asked)
    size = min(call.params.get("MaxItems", limits.PAGE_SIZE), limits.PAGE_SIZE)
    after = paging.read(call.params.get("Marker"), int)
    found = region.functions.versions(asked.key, -1 if after is None else after[0], size + 1)
    documents = [listed(version, qualified=True) for version in found[:size]]
    shown: dict[str, Any] = {"Versions": await encryption.all_shown(region, found[:size], documents)}
    if len(found) > size:
        last = found[size - 1].version
        shown["NextMarker"] = paging.marker(0 if last == LATEST else int(last))
    return shown
