"""All families of operations. Importing this module registers every operation that the region offers."""

from lambdalab.api import (
    account,
    aliases,
    code_signing,
    concurrency,
    event_invoke,
    function_settings,
    function_urls,
    functions,
    images,
    invocation,
    lab,
    layers,
    log_events,
    log_groups,
    log_streams,
    permissions,
    response_streaming,
    tags,
    versions,
)

FAMILIES = (
    functions, versions, aliases, layers, invocation, response_streaming, concurrency, permissions, tags, event_invoke,
    function_urls, function_settings, code_signing, account, log_groups, log_streams, log_events, lab,
    images,
)  # fmt: skip
