"""Engines and registries of the tests' own: each on a free port or a socket of a temporary directory, each ended again.

They take nothing from the machine's own engine but images, and touch nothing of it: other data, other networks, no
rules of its firewall.
"""

import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

_BRIDGE = "lab-tests"
SECONDS = 60
"""How long any of them is waited for, on a machine that has other things to do."""


@dataclass(frozen=True)
class Serving:
    """A server that answers: where, and the variables by which a client finds it."""

    address: str
    variables: dict
    directory: Path


def free_port(host="127.0.0.1"):
    with socket.create_server((host, 0)) as found:
        return found.getsockname()[1]


@contextlib.contextmanager
def running(command, log, answers):
    """A server until the end of the block, which begins when `answers()` is true."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    try:
        until = time.monotonic() + SECONDS
        while not answers():
            assert process.poll() is None, f"{command[0]} ended at once:\n{log.read_text()}"
            assert time.monotonic() < until, f"{command[0]} does not answer:\n{log.read_text()}"
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(condition):
    """Wait for a condition."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def listens(host, port):
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, **more)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stderr}"
    return done.stdout


# -- a registry


@contextlib.contextmanager
def registry(directory, host="127.0.0.1", auth=None):
    """Debian's docker-registry. `auth` is a file of names and passwords, as htpasswd writes them."""
    port = free_port(host)
    settings = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "storage")}},
        "http": {"addr": f"{host}:{port}"},
    }
    if auth is not None:
        settings["auth"] = {"htpasswd": {"realm": "lab", "path": str(auth)}}
    file = directory / f"registry-{port}.yml"
    file.write_text(json.dumps(settings))  # JSON is YAML
    command = [shutil.which("docker-registry"), "serve", file]
    with running(command, directory / "registry.log", lambda: listens(host, port)):
        yield Serving(f"{host}:{port}", {}, directory)


# -- an engine behind TLS


@contextlib.contextmanager
def tls_engine(directory):
    """A second dockerd on a TCP port: clients have to bring a certificate, and get one."""
    port = free_port()
    certify(directory)
    command = [
        "dockerd", "--host", f"tcp://127.0.0.1:{port}", "--tlsverify", "--tlscacert", directory / "ca.pem",
        "--tlscert", directory / "server.pem", "--tlskey", directory / "server-key.pem",
        "--data-root", directory / "data", "--exec-root", directory / "exec", "--pidfile", directory / "pid",
        # Nothing of the machine's: a bridge of its own (with "none" it would remove the first engine's docker0), no
        # rules in the firewall, addresses that nobody has.
        "--bridge", _BRIDGE, "--iptables=false", "--ip6tables=false", "--ip-forward=false",
        "--default-address-pool", "base=10.213.0.0/16,size=24",
    ]  # fmt: skip
    variables = {
        "DOCKER_HOST": f"tcp://127.0.0.1:{port}",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(directory / "client"),
    }

    def answers():
        asked = subprocess.run(["docker", "info"], env={**os.environ, **variables}, capture_output=True, check=False)
        return asked.returncode == 0

    with _bridge(), running(command, directory / "dockerd.log", answers):
        try:
            yield Serving(f"tcp://127.0.0.1:{port}", variables, directory)
        finally:
            # A bridge outlives the engine that made it.
            remove = ["docker", "network", "rm", "lambdalab"]
            subprocess.run(remove, env={**os.environ, **variables}, capture_output=True, check=False)


@contextlib.contextmanager
def _bridge():
    subprocess.run(["ip", "link", "delete", _BRIDGE], capture_output=True, check=False)  # a killed run's
    run("ip", "link", "add", _BRIDGE, "type", "bridge")
    try:
        run("ip", "address", "add", "10.214.0.1/24", "dev", _BRIDGE)
        run("ip", "link", "set", _BRIDGE, "up")
        yield
    finally:
        run("ip", "link", "delete", _BRIDGE)


def certify(directory):
    """An authority, the certificate of 127.0.0.1, a client's, and one that nobody has signed."""
    client, stranger = directory / "client", directory / "stranger"
    for made in (client, stranger):
        made.mkdir()
    _self_signed(directory / "ca.pem", directory / "ca-key.pem", "lab")
    _signed(directory, directory / "server.pem", directory / "server-key.pem", "IP:127.0.0.1", "serverAuth")
    _signed(directory, client / "cert.pem", client / "key.pem", "DNS:client", "clientAuth")
    _self_signed(stranger / "cert.pem", stranger / "key.pem", "stranger")
    for made in (client, stranger):
        shutil.copy(directory / "ca.pem", made / "ca.pem")


def _self_signed(certificate, key, name):
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
        "-keyout", key, "-out", certificate)  # fmt: skip


def _signed(directory, certificate, key, names, usage):
    request, extensions = directory / "request.csr", directory / "extensions"
    extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage={usage}\n")
    run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=lab", "-keyout", key, "-out", request)
    run("openssl", "x509", "-req", "-in", request, "-CA", directory / "ca.pem", "-CAkey", directory / "ca-key.pem",
        "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate)  # fmt: skip


# -- a machine that is reached by ssh


@contextlib.contextmanager
def ssh_server(directory):
    """An OpenSSH server with keys of its own; `variables` have a PATH whose ssh knows them."""
    port = free_port()
    for name in ("host", "own", "stranger"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name)
    shutil.copy(directory / "own.pub", directory / "authorized")
    directory.chmod(0o700)
    Path("/run/sshd").mkdir(exist_ok=True)  # where the server goes without privileges
    settings = directory / "sshd_config"
    settings.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nAuthorizedKeysFile {directory}/authorized\n"
        f"PidFile {directory}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
    )
    kind, key = (directory / "host.pub").read_text().split()[:2]
    (directory / "known").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    variables = {"PATH": f"{knowing(directory, 'own')}:{os.environ['PATH']}"}
    command = [shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin"), "-D", "-e", "-f", settings]
    with running(command, directory / "sshd.log", lambda: listens("127.0.0.1", port)):
        yield Serving(f"ssh://{os.environ.get('USER', 'root')}@127.0.0.1:{port}", variables, directory)


def knowing(directory, key, known="known"):
    """A directory with an ssh command that has this key and knows these hosts: it asks no $HOME where they are."""
    made = directory / f"bin-{key}-{known}"
    made.mkdir()
    settings = made / "config"
    settings.write_text(
        f"IdentityFile {directory}/{key}\nIdentitiesOnly yes\nIdentityAgent none\n"
        f"UserKnownHostsFile {directory}/{known}\nGlobalKnownHostsFile none\n"
    )
    (made / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {settings} "$@"\n')
    (made / "ssh").chmod(0o755)
    return made


# -- Podman


@contextlib.contextmanager
def podman(directory, images):
    """Podman's service with a storage of its own, and some images of the machine's engine in it."""
    (directory / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{directory}/graph"\nrunroot = "{directory}/run"\n'
    )
    (directory / "containers.conf").write_text(
        f'[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\ntmp_dir = "{directory}/tmp"\n'
        f'runtime = "here"\n[engine.runtimes]\nhere = ["{_within_limits(directory)}"]\n'
        f'[network]\nnetwork_config_dir = "{directory}/networks"\n'
    )
    own = {
        "CONTAINERS_STORAGE_CONF": str(directory / "storage.conf"),
        "CONTAINERS_CONF": str(directory / "containers.conf"),
    }
    environment = {**os.environ, **own}
    saved = directory / "images.tar"
    run("docker", "save", "--output", saved, *images)
    run("podman", "load", "--quiet", "--input", saved, env=environment)
    saved.unlink()
    path = directory / "podman.sock"
    command = ["env", *(f"{name}={value}" for name, value in own.items()),
               "podman", "system", "service", "--time=0", f"unix://{path}"]  # fmt: skip
    with _firewall_kept(), running(command, directory / "service.log", path.exists):
        try:
            yield Serving(f"unix://{path}", {"DOCKER_HOST": f"unix://{path}"}, directory)
        finally:
            for words in (("rm", "--all", "--force"), ("network", "rm", "--force", "lambdalab"), ("rmi", "--all")):
                subprocess.run(["podman", *words], env=environment, capture_output=True, check=False)


@contextlib.contextmanager
def _firewall_kept():
    """Takes away the chains that Podman's networks leave in the firewall, where there were none before."""
    tables = [table for table in ("filter", "nat") if not any("CNI-" in line for line in _rules(table))]
    try:
        yield
    finally:
        for table in tables:
            rules = _rules(table)
            own = [line[1:].split()[0] for line in rules if line.startswith(":CNI-")]
            for line in rules:
                if line.startswith("-A ") and not line.startswith("-A CNI-") and "-j CNI-" in line:
                    run("iptables", "--wait", "--table", table, "--delete", *shlex.split(line)[1:])
            for what in ("--flush", "--delete-chain"):
                for chain in own:
                    run("iptables", "--wait", "--table", table, what, chain)


def _rules(table):
    return run("iptables-save", "--table", table).splitlines()


def _within_limits(directory):
    """The OCI runtime, asked for no limits beyond its own: this machine's root may lack the right to raise them."""
    runtime = shutil.which("crun") or shutil.which("runc", path=f"{os.environ['PATH']}:/usr/sbin")
    made = directory / "runtime"
    made.write_text(
        f"#!{sys.executable}\n"
        + textwrap.dedent(f"""
            import json, os, resource, sys
            words = sys.argv[1:]
            if "--bundle" in words:
                path = os.path.join(words[words.index("--bundle") + 1], "config.json")
                with open(path) as file: settings = json.load(file)
                for one in settings["process"].get("rlimits", ()):
                    most = resource.getrlimit(getattr(resource, one["type"]))[1]
                    if most != resource.RLIM_INFINITY:
                        one["hard"], one["soft"] = min(one["hard"], most), min(one["soft"], most)
                with open(path, "w") as file: json.dump(settings, file)
            os.execv({runtime!r}, [{runtime!r}, *words])
        """)
    )
    made.chmod(0o755)
    return made
