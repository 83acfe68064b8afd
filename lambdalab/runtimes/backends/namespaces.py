"""The sandbox: a fresh interpreter in namespaces of its own, made by bubblewrap.

A new root with nothing in it but what a function needs, all of it read-only: the system's libraries, the
interpreter, the code at /var/task, layers at /opt, the client at /var/runtime. /tmp is memory of the
configured size. Its own processes, IPC and host name; the network is the machine's, as functions need it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
from pathlib import Path

from lambdalab.model.image import Image
from lambdalab.model.invocation import Fidelity
from lambdalab.runtimes.backends import cgroup, etc
from lambdalab.runtimes.backends.base import Backend, Exit, Place, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.confined import ConfinedSandbox
from lambdalab.runtimes.backends.launch import Launcher, Ready
from lambdalab.runtimes.backends.supervisor import Command

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_PASSWD = "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin\n"  # noqa: S105 - /etc/passwd
_GROUP = "root:x:0:\nsbx_user1051:x:990:\n"
UID, GID = 993, 990
"""The ids that functions have on AWS (from memory; `runtimes.md` section 5)."""
FILES = 1024
_PLACES = {"task": "/var/task", "opt": "/opt", "runtime": "/var/runtime", "tmp": "/tmp"}  # noqa: S108


class NamespacesBackend(Backend):
    """Starts bubblewrap sandboxes."""

    name = "sandbox"

    def __init__(self, launcher: Launcher, fidelity: Fidelity) -> None:
        self._launcher = launcher
        self.fidelity = fidelity
        self._bwrap = shutil.which("bwrap") or "bwrap"
        own_etc = launcher.state / "etc"
        _copy_etc(own_etc)
        self._system = [argument for path in _SYSTEM for argument in _system_argument(path)]
        self._system += ["--ro-bind", str(own_etc), "/etc"]
        for name in etc.CHANGING:
            if Path("/etc", name).exists():
                self._system += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]

    async def prepare(self, runtime: str, image: Image | None = None) -> Place:
        """Find the interpreter, compile the client for it, and have processes wait."""
        await self._launcher.prepare(runtime, image)
        return Place(self.name)

    async def start(self, spec: SandboxSpec) -> Sandbox:
        """Start the runtime in a sandbox of its own."""
        ready = await self._launcher.ready(spec.runtime)
        program, variables = self._launcher.command(ready, spec, _PLACES)
        if _hidden_by_layers(ready.interpreter.prefix):
            program = [_in_lang(word, ready.interpreter.prefix) for word in program]
            variables = {name: _in_lang(value, ready.interpreter.prefix) for name, value in variables.items()}
        command = Command(
            argv=[*self._arguments(spec, ready), *program],
            environment=variables,
            limits=((resource.RLIMIT_NOFILE, FILES), (resource.RLIMIT_CORE, 0)),
        )
        started = await self._launcher.spawn(command, spec)
        return ConfinedSandbox(
            spec,
            started.child,
            started.log_fd,
            fidelity=self.fidelity,
            task_root="/var/task",
            supervisor=self._launcher.supervisor,
            watch=self._launcher.watch,
            group=started.group,
            read_exit=read_bwrap_status,
            holders=2,  # bwrap, and bwrap again as the first process inside
        )

    def _arguments(self, spec: SandboxSpec, ready: Ready) -> list[str]:
        interpreter = ready.interpreter
        arguments = [
            self._bwrap,
            "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
            "--die-with-parent", "--uid", str(UID), "--gid", str(GID), "--hostname", "sandbox.localdomain",
            *self._system,
            "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev",
        ]  # fmt: skip
        if _hidden_by_layers(interpreter.prefix):
            arguments += ["--ro-bind", interpreter.prefix, "/var/lang"]
        else:
            for path in interpreter.shown:
                arguments += ["--ro-bind", path, path]
            if interpreter.prefix:
                arguments += ["--symlink", interpreter.prefix, "/var/lang"]
        arguments += ["--ro-bind", str(spec.code), "/var/task", "--ro-bind", str(ready.client), "/var/runtime"]
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


def _hidden_by_layers(prefix: str) -> bool:
    """Whether the interpreter lies below /opt, where functions see their layers: it is shown at /var/lang only."""
    return prefix.startswith("/opt/")


def _in_lang(value: str, prefix: str) -> str:
    return value.replace(f"{prefix}/", "/var/lang/")


def _copy_etc(target: Path) -> None:
    """An /etc for functions: one directory to mount, where a mount for each file takes milliseconds."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in etc.SHOWN:
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
        (target / name).touch()


def _system_argument(path: str) -> list[str]:
    if os.path.islink(path):  # noqa: PTH114 - merged /usr: /bin is a link into it
        return ["--symlink", str(Path(path).readlink()), path]
    return ["--ro-bind", path, path] if Path(path).is_dir() else []


def read_bwrap_status(status: int) -> Exit:
    """bwrap passes on its child's status, a signal n as 128+n: exit(128+n) cannot be told from it.

    But for 129: AWS's Node.js runtime exits with it, and nobody hangs up on a function.
    """
    if os.WIFSIGNALED(status):
        return Exit("signal", signal=os.WTERMSIG(status))
    code = os.WEXITSTATUS(status)
    if 129 < code <= 128 + 31:
        return Exit("signal", signal=code - 128)
    return Exit("exited", status=code)


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
        network="the machine's",
        freeze="cgroup" if controllers.freezer else "by signal",
    )
