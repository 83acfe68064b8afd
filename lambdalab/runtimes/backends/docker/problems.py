"""What an engine or the way to it refuses, as errors that people can act on."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from lambdalab.errors import EngineUnavailable, ImageUnavailable, LabError, RuntimeUnavailable

_PERMISSION = "permission denied"
_NETWORK = (
    "no such host", "dial tcp", "i/o timeout", "tls handshake", "network is unreachable", "temporary failure in name",
    "connection reset", "proxyconnect", "client.timeout", "context deadline exceeded",
)  # fmt: skip


_TLS = re.compile(r"\[SSL[^\]]*\] ([^(]+)")
_REFUSED = ("denied", "unauthorized", "no basic auth credentials", "authentication required")


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
    if is_connection(problem):
        return EngineUnavailable(f"The Docker engine does not answer any more ({text}). {way_out([text])}")
    if "container-init binary not found" in low:
        return RuntimeUnavailable(
            f"Podman lacks the program that is a container's first ({text}): `sudo apt install catatonit`, or your "
            "system's package of that name."
        )
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
    if "http response to https client" in low or "x509" in low:
        return ImageUnavailable(
            f"{image} could not be pulled: the engine does not trust the registry ({text}). It takes one without TLS, "
            f'or with a certificate of its own, once its /etc/docker/daemon.json has "insecure-registries": '
            f'["{_host(image)}"], or its /etc/docker/certs.d/{_host(image)}/ca.crt the certificate; Podman has '
            f"/etc/containers/registries.conf for that. {other}"
        )
    if any(word in low for word in _NETWORK):
        return ImageUnavailable(f"{image} could not be pulled: the engine reaches no registry ({text}). {other}")
    if status_of(problem) in {401, 403} or any(word in low for word in _REFUSED):
        return ImageUnavailable(
            f"{image} could not be pulled: the registry refused ({text}). It may want a name and a password: "
            f"`docker login {_host(image)}`. {other}"
        )
    if status_of(problem) == 404 or "not found" in low or "manifest unknown" in low:
        return ImageUnavailable(f"{image} could not be pulled: the registry does not have it ({text}). {other}")
    return ImageUnavailable(f"{image} could not be pulled: {text}. {other}")


def _host(image: str) -> str:
    """The registry of an image's name: Docker's own where it names none."""
    first = image.partition("/")[0]
    return first if "/" in image and (first == "localhost" or set(".:") & set(first)) else "docker.io"


def reason(problem: Exception) -> str:
    """The engine's or the system's own words, on one line."""
    if isinstance(problem, LabError):
        return str(problem)
    *_, root = _chain(problem)
    for one in _chain(problem):
        explanation = getattr(one, "explanation", None)
        if explanation:
            return " ".join((explanation.decode() if isinstance(explanation, bytes) else str(explanation)).split())
    if found := _TLS.search(str(root)) or _TLS.search(str(problem)):
        return f"TLS: {found[1].strip(' .').lower()}"
    if isinstance(root, OSError) and root.strerror:
        return root.strerror.lower()
    return " ".join(str(problem).split())


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """The problem, and what it came of, the first cause last."""
    following: BaseException | None = problem
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__


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
    if "ssh://" in text:
        return (
            "The ssh command has to reach it without a question: with a key that it knows (ssh-agent, ~/.ssh/config), "
            "a host that is in ~/.ssh/known_hosts, and a user who may use the engine's socket there. That is "
            "/var/run/docker.sock, or the path at the end of DOCKER_HOST."
        )
    if "tls" in text or "https" in text:
        return (
            "An engine that speaks TLS is named with DOCKER_HOST=tcp://..., DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, "
            "a folder with ca.pem, cert.pem and key.pem: the engine's certificate is signed by ca.pem and names "
            "DOCKER_HOST's host, and cert.pem is signed by what the engine trusts. For one without TLS unset both."
        )
    if _PERMISSION in text or errno.errorcode[errno.EACCES].lower() in text:
        return (
            "You may not use its socket: `sudo usermod -aG docker $USER` and a new login let you, "
            "or use a rootless engine and name it with DOCKER_HOST."
        )
    return (
        "Start it (`sudo systemctl start docker`, Docker Desktop, `colima start`, "
        "`systemctl --user start podman.socket`), or name another with DOCKER_HOST."
    )


def is_connection(problem: Exception) -> bool:
    """Whether the way to the engine failed, rather than the engine itself."""
    names = {kind.__name__ for kind in type(problem).__mro__}
    return bool(names & {"ConnectionError", "ConnectTimeout", "ReadTimeout", "Timeout"}) or bool(
        re.search(r"connection (aborted|refused|reset)|broken pipe", str(problem), re.IGNORECASE)
    )
