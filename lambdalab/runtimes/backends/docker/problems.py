"""What an engine or the way to it refuses, as errors that people can act on."""

from __future__ import annotations

import errno
import re

from lambdalab.errors import EngineUnavailable, ImageUnavailable, LabError, RuntimeUnavailable

_PERMISSION = "permission denied"
_NETWORK = (
    "no such host", "dial tcp", "i/o timeout", "tls handshake", "network is unreachable", "temporary failure in name",
    "connection reset", "proxyconnect", "client.timeout", "context deadline exceeded",
)  # fmt: skip


def explained(problem: Exception) -> LabError:
    """The `LabError` for what a call of the SDK raised; one of ours stays as it is."""
    if isinstance(problem, LabError):
        return problem
    text = reason(problem)
    low = text.lower()
    if "no space left on device" in low:
        return RuntimeUnavailable(
            f"The Docker engine's disk is full ({text}). `docker system prune` frees what nothing uses; "
            "`docker system df` says what takes the room."
        )
    if _is_connection(problem):
        return EngineUnavailable(f"The Docker engine does not answer any more ({text}). {way_out([text])}")
    if status_of(problem) == 404 and "image" in low:
        return ImageUnavailable(f"The Docker engine does not have the image ({text}).")
    return RuntimeUnavailable(f"The Docker engine refused: {text}")


def not_pulled(image: str, problem: Exception) -> ImageUnavailable:
    """Why an image could not be pulled, and the ways to have it all the same."""
    text = reason(problem)
    low = text.lower()
    other = (
        "`lambdalab images load` brings images from a file that `lambdalab images save` made elsewhere; "
        "LAMBDALAB_IMAGES names another registry or mirror, such as its address and a path."
    )
    if "no space left on device" in low:
        return ImageUnavailable(f"{image} could not be pulled: the engine's disk is full. `docker system prune` helps.")
    if any(word in low for word in _NETWORK):
        return ImageUnavailable(f"{image} could not be pulled: the engine reaches no registry ({text}). {other}")
    if status_of(problem) in {401, 403} or "denied" in low or "unauthorized" in low:
        return ImageUnavailable(f"{image} could not be pulled: the registry refused ({text}). {other}")
    if status_of(problem) == 404 or "not found" in low or "manifest unknown" in low:
        return ImageUnavailable(f"{image} could not be pulled: the registry does not have it ({text}). {other}")
    return ImageUnavailable(f"{image} could not be pulled: {text}. {other}")


def reason(problem: Exception) -> str:
    """The engine's or the system's own words, on one line."""
    explanation = getattr(problem, "explanation", None)
    if explanation:
        return " ".join((explanation.decode() if isinstance(explanation, bytes) else str(explanation)).split())
    root: BaseException = problem
    while root.__cause__ or root.__context__:
        root = root.__cause__ or root.__context__ or root
    if isinstance(root, OSError) and root.strerror:
        return root.strerror.lower()
    return " ".join(str(problem).split())


def status_of(problem: BaseException) -> int | None:
    """The HTTP status of an engine's refusal; None when it is no answer of an engine."""
    found: int | None = getattr(getattr(problem, "response", None), "status_code", None)
    return found


def gone(problem: BaseException) -> bool:
    """Whether an engine says that what was asked for does not exist, or is being removed."""
    cause = problem.__cause__ if isinstance(problem, LabError) else problem
    return cause is not None and status_of(cause) in {404, 409}


def way_out(tried: list[str]) -> str:
    """What to do when no engine answers."""
    text = " ".join(tried).lower()
    if _PERMISSION in text or errno.errorcode[errno.EACCES].lower() in text:
        return (
            "You may not use its socket: `sudo usermod -aG docker $USER` and a new login let you, "
            "or use a rootless engine and name it with DOCKER_HOST."
        )
    return "Start it (`sudo systemctl start docker`, Docker Desktop, `colima start`), or name another with DOCKER_HOST."


def _is_connection(problem: Exception) -> bool:
    names = {kind.__name__ for kind in type(problem).__mro__}
    return bool(names & {"ConnectionError", "ConnectTimeout", "ReadTimeout", "Timeout"}) or bool(
        re.search(r"connection (aborted|refused|reset)|broken pipe", str(problem), re.IGNORECASE)
    )
