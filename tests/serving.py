"""`lambdalab serve` as a person or a supervisor runs it, on a terminal of its own, and what it is to leave when it ends."""

import contextlib
import io
import os
import select
import subprocess
import sys
import time
import zipfile

import psutil

from lambdalab import Lab
from lambdalab.clock import SystemClock
from lambdalab.engine.logs import LogStore

_ON_ITS_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
ignored = set(map(int, filter(None, sys.argv[1].split(","))))
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # whatever the tests themselves were started to ignore
    signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "lambdalab.cli", "serve", *sys.argv[2:]])
"""
SAYS = "def handler(event, context):\n    print('said', event['n'])\n    return event['n']\n"
WATCHER = """#!/bin/sh
"exec" "$(command -v python3.12 || command -v python3)" "$0"  # to Python a text of three parts
import json, os, time, urllib.request
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
asked = urllib.request.Request(f"{api}/register", json.dumps({"events": ["SHUTDOWN"]}).encode(),
                               {"Lambda-Extension-Name": "watcher"}, method="POST")
me = {"Lambda-Extension-Identifier": urllib.request.urlopen(asked).headers["Lambda-Extension-Identifier"]}
event = json.load(urllib.request.urlopen(urllib.request.Request(f"{api}/event/next", headers=me)))
print("heard", event["eventType"], event["shutdownReason"], flush=True)
while "STAYS" in os.environ:
    time.sleep(1)
"""


class Serving:
    """A region in the foreground, that answers. `home` has to be there. A context: it is killed at the end."""

    def __init__(self, home, *words, ignored=(), pass_fds=(), **variables):
        self.home = home
        self._terminal, its = os.openpty()
        self._said = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_ITS_TERMINAL, ",".join(str(int(one)) for one in ignored), *words],
            env={**os.environ, "LAMBDALAB_HOME": str(home), **variables},
            stdin=its, stdout=its, stderr=its, start_new_session=True, pass_fds=pass_fds,
        )  # fmt: skip
        os.close(its)
        self._family = []

    def __enter__(self):
        self.hear("ready at")
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.close_terminal()

    def hear(self, words=None, seconds=60):
        """All that it has said, once the words are in it, or it has ended."""
        deadline = time.monotonic() + seconds
        waiting = select.poll()  # select() knows 1,024 descriptors, and the tests may have more
        waiting.register(self._terminal, select.POLLIN)
        while (words is None or words not in self._text()) and time.monotonic() < deadline:
            if not waiting.poll(1000):
                continue
            try:
                self._said += os.read(self._terminal, 1 << 16)
            except OSError:  # nobody has the other end any more
                break
        assert words is None or words in self._text(), self._text()
        return self._text()

    def _text(self):
        return self._said.decode().replace("\r\n", "\n")

    def type(self, keys):
        """What the person types."""
        os.write(self._terminal, keys)

    def close_terminal(self):
        """The window is closed."""
        with contextlib.suppress(OSError):
            os.close(self._terminal)

    def use(self, **variables):
        """A function with an extension is called twice: the second call's lines are a moment old at most."""
        lab = Lab(home=self.home)
        layer = archive("extensions/watcher", WATCHER, 0o755)
        lab.client().publish_layer_version(LayerName="watcher", Content={"ZipFile": layer})
        lab["says"].deploy(SAYS, runtime="python3.12", env=variables)
        lab["says"].configure(layers=["watcher:1"])
        assert [lab["says"].invoke({"n": n}).raise_for_error().payload for n in (1, 2)] == [1, 2]
        self._family = psutil.Process(self.process.pid).children(recursive=True)

    def burst(self):
        """Functions are made one after the other, and what their first calls wait for is begun to be made ready."""
        lab = Lab(home=self.home)
        for number in range(4):
            lab[f"burst{number}"].deploy(f"{SAYS}# {number}\n", runtime="python3.12")

    def ends(self, seconds=60):
        """The exit status, once it and all that it had started are gone."""
        status = self.process.wait(seconds)
        _, alive = psutil.wait_procs(self._family, timeout=20)
        assert not alive
        return status

    def log(self):
        """What is in the function's log on disk."""
        return [event.message for event in LogStore(self.home / "logs", SystemClock()).events("/aws/lambda/says")]

    def check_order(self):
        """It has ended in order: the log is whole, the extension was told, and nobody is led to it any more."""
        messages = self.log()
        assert [line for line in messages if line.startswith("said")] == ["said 1", "said 2"]
        assert sum(line.startswith("REPORT") for line in messages) == 2
        assert "heard SHUTDOWN SPINDOWN" in messages
        assert not (self.home / "region.json").exists()
        assert not (self.home / "region.db-wal").exists()


def archive(name, text, mode):
    """The bytes of a zip file of one file."""
    info = zipfile.ZipInfo(name)
    info.external_attr = (0o100000 | mode) << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        made.writestr(info, text)
    return data.getvalue()
