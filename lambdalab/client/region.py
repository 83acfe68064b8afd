"""The region of a home: found when it runs, started when it does not, once however many ask.

The server is a process of its own in its own session, so that neither a kernel's restart nor its Interrupt
ends it. It is told its settings by its environment and gets nothing else of the kernel's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lambdalab import home
from lambdalab.client import running_lock
from lambdalab.client.keys import Credentials
from lambdalab.client.wire import NoAnswer, Wire
from lambdalab.config import Settings
from lambdalab.errors import LabError, RegionUnavailable
from lambdalab.trees import remove_tree

_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER",  # any process needs them
    "PYENV_ROOT", "CONDA_PREFIX", "VIRTUAL_ENV",  # where interpreters may be
    "PYTHONPATH", "LD_LIBRARY_PATH",  # what this interpreter itself was started with
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",  # where the engine is
    "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK",
)  # fmt: skip
_READY_SECONDS = 60
ANSWER_SECONDS = 5.0
"""How long a region is waited for that is asked how it is: it answers within milliseconds, or something is wrong."""
_STOPPING_SECONDS = 30.0
"""The time it has for ending in order: what serves the rest of AWS may write its state for ten seconds."""
_ENDING_SECONDS = 15
_REMOVING_SECONDS = 5.0
"""How long what a region started may go on writing into its home when it is gone."""
_THIS_MACHINE = ("127.0.0.1", "localhost")
_STARTED: list[subprocess.Popen[bytes]] = []
"""The regions that this process started: kept, so that `_reap` can collect those that ended."""


@dataclass(frozen=True, slots=True)
class RunningRegion:
    """A region that answers, as its `region.json` describes it."""

    endpoint: str
    pid: int
    credentials: Credentials
    account: str
    region: str

    def wire(self) -> Wire:
        """A client for it."""
        return Wire(self.endpoint, self.credentials, self.region)

    def quick_wire(self) -> Wire:
        """A client for what is answered at once: it waits no longer than some seconds."""
        return Wire(self.endpoint, self.credentials, self.region, ANSWER_SECONDS)

    def status(self) -> dict[str, Any]:
        """Its own answer of how it is. Raises `NoAnswer` after some seconds without one."""
        wire = self.quick_wire()
        try:
            answer: dict[str, Any] = json.loads(wire.call("GET", "/_lambdalab/status", service="lambdalab").body)
        finally:
            wire.close()
        return answer

    def pulls(self) -> list[dict[str, Any]]:
        """The images that it pulls now, and how far each is. Raises `NoAnswer` after some seconds without one."""
        wire = self.quick_wire()
        try:
            answer = json.loads(wire.call("GET", "/_lambdalab/pulls", service="lambdalab").body)
        finally:
            wire.close()
        pulls: list[dict[str, Any]] = answer["pulls"]
        return pulls

    def tell_to_stop(self) -> None:
        """Ask it to end in order; when it does not answer either, it is for the caller to end it."""
        wire = self.quick_wire()
        with suppress(RegionUnavailable):
            wire.call("POST", "/_lambdalab/stop", service="lambdalab")
        wire.close()


class RegionHangs(RegionUnavailable):
    """The region runs and does not answer. Look into its log, or end it with `lambdalab stop`."""

    def __init__(self, settings: Settings, pid: int) -> None:
        super().__init__(
            f"The region of {settings.home} (process {pid}) has not answered within {ANSWER_SECONDS:g} s: it was "
            f"stopped, or hangs. Its log is {settings.log_file}; `lambdalab stop` ends it."
        )


def find(settings: Settings) -> RunningRegion | None:
    """The running region of the home; None when there is none. Starts nothing.

    Raises `RegionHangs` when one runs and does not answer, `HomeUnusable` where another's home keeps that to itself.
    """
    _reap()
    found = _read(settings.region_file)
    try:
        return found if found is not None and _answers(found) else None
    except NoAnswer as silent:
        if found is not None and running_lock.holder(_lock(settings)) == found.pid:
            raise RegionHangs(settings, found.pid) from silent
        return None  # a number and a port that were a region's and are now another's


def find_or_start(settings: Settings, owner_fd: int | None = None) -> RunningRegion:
    """The region of the home, started if need be. Raises `RegionUnavailable` with the reason and the log's name."""
    found = find(settings)
    if found is not None:
        return found
    home.make_ready(settings.home)
    try:
        with FileLock(settings.lock_file, timeout=_READY_SECONDS):
            found = find(settings)  # another client may have started it while this one waited
            if found is None:
                _start(settings, owner_fd)
                found = _read(settings.region_file)
    except Timeout as waited:
        raise RegionUnavailable(
            f"Another process has been starting the region of {settings.home} for {_READY_SECONDS} s; see its log, "
            f"{settings.log_file}. Whoever holds {settings.lock_file} keeps others from starting it."
        ) from waited
    except (OSError, NotImplementedError) as problem:  # a file system without locks is the second
        raise home.unusable(settings.home, problem) from problem
    if found is None:
        raise RegionUnavailable(f"The region started but left no {settings.region_file}; see {settings.log_file}.")
    return found


def find_parents(settings: Settings) -> RunningRegion:
    """The region of an isolated lab that this process has from the one it was forked of. Starts nothing.

    Raises `RegionUnavailable` when that one has ended it.
    """
    found = find(settings)
    if found is None:
        raise RegionUnavailable(
            "this isolated lab belongs to the process that this one was forked of, and has ended with it; make one "
            "here: lab(isolated=True)."
        )
    return found


def stop(settings: Settings) -> bool:
    """End the region of the home, in order if it can be; False when none runs. Returns when it is gone.

    Raises `RegionUnavailable` when it cannot be ended.
    """
    lock = _lock(settings)
    told, patience = 0.0, running_lock.TERMINATING_SECONDS
    try:
        found = find(settings)
        if found is not None:
            found.tell_to_stop()
            told = _STOPPING_SECONDS
        elif running_lock.holder(lock) is None:
            return False
        else:
            patience = _STOPPING_SECONDS  # one that nobody can reach any more, or that is ending already
    except RegionHangs:
        pass  # nothing but signals will reach it
    if not running_lock.wait_until_free(lock, told) and not running_lock.end_holder(lock, patience):
        raise RegionUnavailable(
            f"The region of {settings.home} (process {running_lock.holder(lock)}) could not be ended; is it yours?"
        )
    return True


def _lock(settings: Settings) -> Path:
    return settings.home / "region.running"


def _read(path: Path) -> RunningRegion | None:
    try:
        found = json.loads(path.read_text())
        return RunningRegion(
            found["endpoint"],
            found["pid"],
            Credentials(found["access_key_id"], found["secret_access_key"]),
            found["account"],
            found["region"],
        )
    except PermissionError as closed:
        raise home.unusable(path.parent, closed) from closed
    except (OSError, ValueError, LookupError, TypeError):  # none, or not one that a region has written
        return None


def _answers(found: RunningRegion) -> bool:
    try:
        os.kill(found.pid, 0)
        return bool(found.status()["pid"] == found.pid)
    except NoAnswer:
        raise
    except (LabError, OSError):
        return False


def _start(settings: Settings, owner_fd: int | None) -> None:
    ready, tell = os.pipe()
    passed = [tell] + ([owner_fd] if owner_fd is not None else [])
    with settings.log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lambdalab.server"],
            env=_environment(settings, tell, owner_fd),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=passed,
            start_new_session=True,  # the notebook's Interrupt goes to its whole process group
            cwd="/",
        )
    os.close(tell)
    with os.fdopen(ready, "rb") as pipe:
        said = pipe.readline().decode().strip()
    _STARTED.append(process)
    if said != "ready":
        with suppress(subprocess.TimeoutExpired):  # until then it has the home, and listens where it will not answer
            process.wait(_ENDING_SECONDS)
        why = said or _last_words(process, settings)
        raise RegionUnavailable(f"The region could not be started: {why} (log: {settings.log_file})")


def _last_words(process: subprocess.Popen[bytes], settings: Settings) -> str:
    """What is known of a region that ended without a word to who started it."""
    ended = f"it ended at once (exit status {process.returncode})"
    tail = _tail(settings.log_file)
    return f"{ended}; the end of its log:\n{tail}" if tail else f"{ended}, and wrote nothing into its log"


def _reap() -> None:
    """Collect ended regions: a zombie's pid would look like a running region's."""
    _STARTED[:] = [process for process in _STARTED if process.poll() is None]


def _environment(settings: Settings, ready_fd: int, owner_fd: int | None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("LAMBDALAB_")}
    if "PYTHONPATH" in kept:  # the server has another working directory
        kept["PYTHONPATH"] = os.pathsep.join(
            str(Path(part).absolute()) for part in kept["PYTHONPATH"].split(os.pathsep)
        )
    kept |= {**settings.as_environment(), "LAMBDALAB_READY_FD": str(ready_fd), "PYTHONUNBUFFERED": "1"}
    if owner_fd is not None:
        kept["LAMBDALAB_OWNER_FD"] = str(owner_fd)
    return kept


def _tail(path: Path, lines: int = 12) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


_ISOLATED: weakref.WeakSet[IsolatedHome] = weakref.WeakSet()


class IsolatedHome:
    """A temporary home whose region ends with this object, and with this process however that ends.

    A fork's child may use the region as long as its parent has it, and ends nothing: it is not `mine` there.
    """

    def __init__(self, settings: Settings) -> None:
        try:
            made = Path(tempfile.mkdtemp(prefix="lambdalab-"))
        except OSError as problem:
            raise RegionUnavailable(
                f"There is no directory for an isolated lab: {problem.strerror or problem}. Name one that can be "
                "written in TMPDIR."
            ) from problem
        self.settings = replace(settings, home=made)
        self.mine = True
        self.owner_fd, self._keep = os.pipe()
        self.close = weakref.finalize(self, _end_isolated, self.settings, self.owner_fd, self._keep)
        _ISOLATED.add(self)

    def leave_to_parent(self) -> None:
        """In a fork's child: let go of the home without ending anything. The region waits for the pipe's last end."""
        self.mine = False
        if self.close.detach() is not None:
            os.close(self._keep)
            os.close(self.owner_fd)


def _leave_all_to_parent() -> None:
    for isolated in list(_ISOLATED):
        isolated.leave_to_parent()


os.register_at_fork(after_in_child=_leave_all_to_parent)


def _end_isolated(settings: Settings, owner_fd: int, keep: int) -> None:
    found = _read(settings.region_file)
    os.close(keep)
    os.close(owner_fd)
    for process in _STARTED:
        if found is not None and process.pid == found.pid:
            _wait_for_process(process)
    remove_tree(settings.home, _REMOVING_SECONDS)


def _wait_for_process(process: subprocess.Popen[bytes]) -> None:
    """An isolated region ends by itself when its owner's pipe closes; one that does not is ended."""
    try:
        process.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def environment(found: RunningRegion) -> Mapping[str, str]:
    """The variables that point the aws command line, boto3 and Terraform at the region, past any proxy."""
    return {
        "AWS_ENDPOINT_URL": found.endpoint,
        "AWS_ACCESS_KEY_ID": found.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": found.credentials.secret_access_key,
        "AWS_DEFAULT_REGION": found.region,
        "NO_PROXY": _past_a_proxy("NO_PROXY", "no_proxy"),
        "no_proxy": _past_a_proxy("no_proxy", "NO_PROXY"),
    }


def _past_a_proxy(name: str, other: str) -> str:
    """The hosts that are reached without a proxy, with this machine among them.

    Programs read one spelling or the other, most the small letters first: where only one is set, both get its hosts,
    so that none of them is lost. `*` alone is every host, and among others none.
    """
    hosts = os.environ.get(name, os.environ.get(other, ""))
    listed = [host.strip() for host in hosts.split(",")]
    missing = [] if hosts.strip() == "*" else [host for host in _THIS_MACHINE if host not in listed]
    return ",".join([*filter(None, [hosts]), *missing])
