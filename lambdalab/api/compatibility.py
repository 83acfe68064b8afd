"""Which operations of AWS Lambda's API are offered, and how far: the table of the README, made from the code.

`python -m lambdalab.api.compatibility` prints it.
"""

from __future__ import annotations

from lambdalab.api.families import FAMILIES
from lambdalab.api.operations import OPERATIONS
from lambdalab.api.service_model import service_model

_LIMITS = {
    "functions": "works with zips, inline and from S3; tracing and dead-letter settings are kept and not enforced yet",
    "permissions": "works; function URLs obey them, services that invoke come with the triggers",
    "code_signing": "kept and returned; nothing is verified, and Enforce is refused",
    "event_invoke": "kept and returned; the event queue that honours them is not offered yet",
    "function_settings": "kept and returned; they change nothing here",
    "function_urls": "works, the URL too, at an address of this machine",
    "response_streaming": "works; enforced are the 200 MB and, beyond the first 6 MB, the bandwidth of 2 MB a second",
    "invocation": "works for RequestResponse and DryRun; Event is refused",
}
"""What a family's operations do not do, by its module; every other family works."""


def table() -> str:
    """Every operation of the service model, by family, in Markdown."""
    rows = ["| family | operations | state |", "|---|---|---|"]
    offered: set[str] = set()
    for family in FAMILIES:
        names = [
            name
            for (service, name), operate in OPERATIONS.items()
            if service == "lambda" and operate.__module__ == family.__name__
        ]
        offered.update(names)
        kind = family.__name__.rpartition(".")[2]
        if names:
            rows.append(_row(kind.replace("_", " "), names, _LIMITS.get(kind, "works")))
    others = sorted(set(service_model("lambda").operation_names) - offered)
    rows.append(_row("not offered", others, "refused with an error that names the operation"))
    return "\n".join(rows)


def _row(family: str, names: list[str], state: str) -> str:
    return f"| {family} | {', '.join(sorted(names))} | {state} |"


if __name__ == "__main__":
    print(table())  # noqa: T201 - this is what it is for
