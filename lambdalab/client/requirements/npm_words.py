"""What npm says when it fails, as one error: its own essential line, and what helps."""

from __future__ import annotations

import re

from lambdalab.client.requirements.base import Target
from lambdalab.errors import BadOption, LabError, NotInstalled

_LINE = re.compile(r"^npm (?:error|ERR!) ?(?P<what>.*)$", re.MULTILINE)
_LABEL = re.compile(r"^(?:404|notarget|notsup|network|JSON\.parse|enoent|ERESOLVE|need auth|audit)\b ?")
_UNREACHABLE = re.compile(
    r"^(?:ECONN\w+|E?NOTFOUND|EAI_AGAIN|ENET\w+|EHOST\w+|E\w*TIMEDOUT|\w*TIMEOUT|E5\d\d|\w*CERT\w*|FETCH_ERROR|EPROTO)$"
)
_NOISE = re.compile(
    r"A complete log of this run|^(?:code|errno|syscall|address|port|type) |^at |^(?:404 )?Not Found - "
)
_MISSING = re.compile(r"could not be found|is not in (?:this|the npm) registry")


def explained(said: str, target: Target) -> LabError:
    """npm's failure, of which it `said` so much."""
    lines = [match["what"].strip() for match in _LINE.finditer(said)]
    code = next((line.removeprefix("code ") for line in lines if line.startswith("code ")), "")
    told = [_LABEL.sub("", line).strip() for line in lines if not _NOISE.search(line)]
    essential = [line for line in told if line]
    first = (essential or [line.strip() for line in said.splitlines() if line.strip()] or ["it said nothing"])[0]
    if code == "E404":
        first = next((line for line in told if _MISSING.search(line)), first)
    return _meant(code, first, essential, target)


def _meant(code: str, first: str, essential: list[str], target: Target) -> LabError:
    if code in {"EINVALIDPACKAGENAME", "EINVALIDTAGNAME", "EUNSUPPORTEDPROTOCOL"}:
        return BadOption(
            f"npm cannot read that: {first} Write a name and, if need be, a version: left-pad@1.3.0, "
            '"uuid@>=9"; several with --requirements again.'
        )
    if _UNREACHABLE.match(code):
        return NotInstalled(
            f"npm could not reach the place it gets packages from: {first}\nWhere that is, npm's own configuration"
            " says (`!npm config list`). What was installed before is kept and needs no network."
        )
    if code == "E404":
        return NotInstalled(
            f"npm found no such package: {first} Check the name; where npm looks, its own configuration says"
            " (`!npm config list`)."
        )
    if code == "ETARGET":
        return NotInstalled(f"npm found no such version: {first} `!npm view NAME versions` lists those there are.")
    if code == "EBADPLATFORM":
        return NotInstalled(f"npm has nothing for Linux on {target.architecture} here: {first}")
    if code == "EUSAGE":
        return NotInstalled(f"npm does not go by this lock file: {' '.join(essential[:2])}")
    if code == "ERESOLVE":
        return NotInstalled(f"npm finds no versions that go together: {' '.join(essential[:4])}")
    if code in {"E401", "E403", "ENEEDAUTH"}:
        return NotInstalled(f"npm was refused: {first}\nLog in with `npm login`, or mend its configuration.")
    return NotInstalled(f"npm could not install the requirements: {first}")
