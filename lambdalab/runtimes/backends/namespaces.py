"""The sandbox: a fresh interpreter in namespaces of its own, made by bubblewrap.

A new root with nothing in it but what a function needs, all of it read-only: the system's libraries, the
interpreter, the code at /var/task, layers at /opt, the client at /var/runtime. /tmp is memory of the
configured size. Its own processes, IPC and host name; the network is the machine's, as functions need it.

So is the set of ports: two environments that listen at one address and port stand in each other's way. What an
external extension opens at sandbox.localdomain does not, for that name is an address of loopback of its own in
each environment that has extensions (127.0.0.1 in the others); what it opens at 0.0.0.0 or localhost does.

The function's variables are set by bubblewrap inside, and are in the environment of nothing that starts outside:
the machine's loader would take from LD_PRELOAD or LD_AUDIT what to run before there is any sandbox.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import shutil
from dataclasses import replace
from pathlib import Path

from lambdalab.model.image import Image
from lambdalab.model.invocation import Fidelity
from lambdalab.runtimes.backends import cgroup, etc
from lambdalab.runtimes.backends.base import Backend, Exit, Place, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.command import WORDS_FD, Command
from lambdalab.runtimes.backends.confined import ConfinedSandbox
from lambdalab.runtimes.backends.kept import KeptMount, gated, open_gate
from lambdalab.runtimes.backends.launch import Launcher, Program, Ready
from lambdalab.runtimes.backends.programs import read_shell_status
from lambdalab.runtimes.backends.started import Started

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_PASSWD = "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n"  # noqa: S105 - /etc/passwd
_GROUP = "root:x:0:\nsbx_user1051:x:990:\n"
UID, GID = 993, 990
"""The ids that functions have on AWS (from memory; `runtimes.md` section 5)."""
FILES = 1024
_HOLDERS = 2
"""bwrap, and bwrap again as the first process inside."""
_LOOPBACK = "127.77.{}.{}"
"""Addresses for sandboxes with extensions; all of 127.0.0.0/8 is the machine's own."""
_PLACES = {"task": "/var/task", "opt": "/opt", "runtime": "/var/runtime", "tmp": "/tmp"}  # noqa: S108

_COVERED = tuple(f"{_PLACES[name]}/" for name in ("opt", "tmp", "task", "runtime"))


class NamespacesBackend(Backend):
    """Starts bubblewrap sandboxes."""

    name = "sandbox"

    def __init__(self, launcher: Launcher, fidelity: Fidelity) -> None:
        self._launcher = launcher
        self.fidelity = fidelity
        self._bwrap = shutil.which("bwrap") or "bwrap"
        self._etc = launcher.state / "etc"
        _copy_etc(self._etc)
        self._hosts_of = 0
        self._numbers = itertools.count(1)
        self._system = [argument for path in _SYSTEM for argument in _system_argument(path)]
        self._system += ["--ro-bind", str(self._etc), "/etc"]
        for name in etc.CHANGING:
            if name != "hosts" and Path("/etc", name).exists():
                self._system += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]

    async def prepare(self, runtime: str, image: Image | None = None) -> Place:
        """Find the interpreter, compile the client for it, and have processes wait."""
        await self._launcher.prepare(runtime, image)
        return Place(self.name)

    async def start(self, spec: SandboxSpec) -> Sandbox:
        """Start the runtime in a sandbox of its own."""
        ready = await self._launcher.ready(spec.runtime)
        program = self._launcher.program(ready, spec, _PLACES)
        self._refresh_hosts()
        address, hosts = self._own_hosts(spec) if program.extensions else ("127.0.0.1", None)
        if _covered(ready.interpreter.prefix):
            program = program.mapped(lambda word: _in_lang(word, ready.interpreter.prefix), but=_own(spec))
        kept = spec.kept if isinstance(spec.kept, KeptMount) and not spec.kept.is_empty else None
        command = Command(
            argv=[*self._arguments(spec, ready, hosts), *self._behind_gate(program, kept)],
            environment={},
            words=_variables(program),
            limits=((resource.RLIMIT_NOFILE, FILES), (resource.RLIMIT_CORE, 0)),
        )
        with_line = bool(program.extensions or kept)
        started = await self._launcher.spawn(command, spec, launcher=with_line)
        if kept is not None:
            started = await self._bring(started, kept, needed_on=bool(program.extensions))
        return ConfinedSandbox(
            spec,
            started,
            fidelity=self.fidelity,
            supervisor=self._launcher.supervisor,
            watch=self._launcher.watch,
            read_exit=read_bwrap_status,
            extensions=program.extensions,
            holders=_HOLDERS,
            mounts_tmp=True,
            address=address,
            own_file=hosts,
        )

    @staticmethod
    def _behind_gate(program: Program, kept: KeptMount | None) -> list[str]:
        return program.argv if kept is None else gated(program.argv, launcher=bool(program.extensions))

    @staticmethod
    async def _bring(started: Started, kept: KeptMount, *, needed_on: bool) -> Started:
        """Bring the /tmp that the environment had; the line serves the extensions afterwards, if there are any."""
        assert started.line is not None, "whoever waits has a line"
        await open_gate(started.line, started.child.pid, _HOLDERS, kept)
        if needed_on:
            return started
        started.line.close()
        os.close(started.extensions_log_fd)
        return replace(started, line=None, extensions_log_fd=-1)

    def _refresh_hosts(self) -> None:
        """Follow the machine's /etc/hosts, which may change while a region runs."""
        with contextlib.suppress(OSError):
            changed = Path("/etc/hosts").stat().st_mtime_ns
            if changed != self._hosts_of:
                self._hosts_of = changed
                aside = self._etc / ".hosts"
                aside.write_text(etc.hosts(), errors="surrogateescape")
                aside.rename(self._etc / "hosts")

    def _own_hosts(self, spec: SandboxSpec) -> tuple[str, Path]:
        """An address of loopback for one sandbox, and the file that names it."""
        address = _LOOPBACK.format(*divmod(next(self._numbers) % 0xFFFF, 256))
        # Not by the id alone: an init that is repeated has the same.
        file = self._launcher.tmp / f"{spec.id}-hosts-{address}"
        file.write_text(etc.hosts(address), errors="surrogateescape")
        return address, file

    def _arguments(self, spec: SandboxSpec, ready: Ready, hosts: Path | None) -> list[str]:
        interpreter = ready.interpreter
        arguments = [
            self._bwrap, "--args", str(WORDS_FD),
            "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
            "--die-with-parent", "--uid", str(UID), "--gid", str(GID), "--hostname", "sandbox.localdomain",
            *self._system,
            "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev",
        ]  # fmt: skip
        if _covered(interpreter.prefix):
            arguments += ["--ro-bind", interpreter.prefix, "/var/lang"]
        else:
            for path in interpreter.shown:
                arguments += ["--ro-bind", path, path]
            if interpreter.prefix:
                arguments += ["--symlink", interpreter.prefix, "/var/lang"]
        arguments += ["--ro-bind", str(spec.code), "/var/task", "--ro-bind", str(ready.client), "/var/runtime"]
        if hosts is not None:
            arguments += ["--ro-bind", str(hosts), "/etc/hosts"]
        layers = self._launcher.layers(spec.layers)
        arguments += ["--ro-bind", str(layers), "/opt"] if layers else ["--dir", "/opt"]
        return [
            *arguments,
            "--perms", "1777", "--size", str(spec.ephemeral_mb << 20), "--tmpfs", "/tmp",  # noqa: S108
            "--remount-ro", "/", "--chdir", "/var/task", "--",
        ]  # fmt: skip

    async def close(self) -> None:
        """Sandboxes end with the supervisor; the groups of the waiting processes are let go."""
        self._launcher.close()


def _covered(prefix: str) -> bool:
    """Whether the interpreter lies where functions see something else: it is shown at /var/lang only."""
    return prefix.startswith(_COVERED)


def _own(spec: SandboxSpec) -> set[str]:
    """The function's own variables: they say what they say. The libraries' path has the interpreter's before it."""
    return set(spec.environment) - {"LD_LIBRARY_PATH"}


def _variables(program: Program) -> list[str]:
    """bwrap's arguments for the environment inside: the program's variables, and no other."""
    return [word for name, value in program.variables.items() for word in ("--setenv", name, value)]


def _in_lang(value: str, prefix: str) -> str:
    return value.replace(f"{prefix}/", "/var/lang/")


def _copy_etc(target: Path) -> None:
    """An /etc for functions: one directory to mount, where a mount for each file takes milliseconds."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in etc.shown():
        source = Path("/etc", name)
        with contextlib.suppress(OSError, shutil.Error):  # what cannot be read is not for functions either
            (target / name).parent.mkdir(exist_ok=True, parents=True)
            if source.is_dir():
                shutil.copytree(source, target / name, symlinks=True)
            elif source.exists():
                shutil.copyfile(source, target / name)
    (target / "passwd").write_text(_PASSWD)
    (target / "group").write_text(_GROUP)
    for name in etc.CHANGING:
        (target / name).touch()  # something to mount over, or to write


def _system_argument(path: str) -> list[str]:
    if os.path.islink(path):  # noqa: PTH114 - merged /usr: /bin is a link into it
        return ["--symlink", str(Path(path).readlink()), path]
    return ["--ro-bind", path, path] if Path(path).is_dir() else []


def read_bwrap_status(status: int) -> Exit:
    """bwrap passes on its child's status, as a shell does."""
    if os.WIFSIGNALED(status):
        return Exit("signal", signal=os.WTERMSIG(status))
    return read_shell_status(os.WEXITSTATUS(status))


def fidelity(controllers: cgroup.Controllers) -> Fidelity:
    """What a sandbox of this machine enforces, in words."""
    return Fidelity(
        backend="sandbox",
        level=2,
        memory="watched every 5 ms and by high-water mark" + (", cgroup behind" if controllers.memory else ""),
        cpu="cgroup quota" if controllers.cpu else "by stopping and continuing, within 5 %",
        time="enforced",
        file_system="own root, read-only",
        tmp="own, of the configured size",
        processes="cgroup, 1,024" if controllers.pids else "watched, 1,024",
        network="the machine's, its ports too",
        freeze="cgroup" if controllers.freezer else "by signal",
    )
