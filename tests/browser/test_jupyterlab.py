"""The first lab in a real JupyterLab, in a real Chromium. Screenshots go to $LAMBDALAB_SCREENSHOTS, if that is set."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import browser

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
LAB = "01-first-function.ipynb"
WAIT_MS = 60_000


class JupyterLab:
    """A running server with its own settings, and where it is."""

    def __init__(self, folder, theme):
        self.token = secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self._log = (folder / "server.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}",
             f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={folder}"],
            env={**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(_settings(folder / "settings", theme)),
                 "JUPYTER_CONFIG_DIR": str(folder / "config"), "LAMBDALAB_HOME": str(folder / "home"),
                 "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")},
            stdout=self._log, stderr=self._log,
        )  # fmt: skip
        self._folder = folder

    def url(self, notebook):
        return f"{self.base}/lab/tree/{notebook}?token={self.token}"

    def wait(self, clock_turns=300):
        from time import sleep

        for _ in range(clock_turns):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.base}/api/status?token={self.token}", timeout=2)
                return
            sleep(0.2)
        raise AssertionError((self._folder / "server.log").read_text())

    def close(self):
        self._process.terminate()
        self._process.wait(30)
        self._log.close()
        home = {**os.environ, "LAMBDALAB_HOME": str(self._folder / "home"), "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-m", "lambdalab.cli", "stop"], env=home, check=True, capture_output=True)


def _settings(folder, theme):
    for plugin, settings in {
        "notebook-extension/tracker": {"windowingMode": "none"},
        "apputils-extension/themes": {"theme": theme},
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }.items():
        path = folder / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    return folder


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"], ids=["light", "dark"])
def page(request, tmp_path):
    from playwright.sync_api import sync_playwright

    shutil.copy(ROOT / "labs" / LAB, tmp_path / LAB)
    server = JupyterLab(tmp_path, request.param)
    try:
        server.wait()
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
            page = chromium.new_page(viewport={"width": 1100, "height": 1000})
            page.goto(server.url(LAB), timeout=WAIT_MS)
            yield page
            chromium.close()
    finally:
        server.close()


def test_the_first_lab_runs_in_jupyterlab(page, request):
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=WAIT_MS)
    # The toolbar's indicator says idle before there is a kernel; the status bar knows.
    page.wait_for_selector("text=/Python 3 .* Idle/", timeout=WAIT_MS)
    page.click(".lm-MenuBar-item >> text=Run")
    page.click(".lm-Menu-item >> text=/^Run All Cells$/")
    try:
        last = page.locator(".jp-CodeCell").last
        last.locator(".jp-OutputArea-output").wait_for(timeout=WAIT_MS)
        assert page.locator(".jp-OutputArea-output .ll, .jp-OutputArea-output [class^=ll]").count() > 8
        assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0
        assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
        wide = "[...document.querySelectorAll('.jp-RenderedHTMLCommon')].filter(e => e.scrollWidth > e.clientWidth + 1)"
        overflow = page.evaluate(f"{wide}.length")
        assert overflow == 0, "a display is wider than its cell"
        cut = "[...document.querySelectorAll('section.ll1')].filter(e => e.scrollWidth > e.clientWidth + 1)"
        assert page.evaluate(f"{cut}.map(e => e.innerText.slice(0, 80))") == []  # a card cuts what is wider than it
    finally:
        _keep_screenshot(page, request.node.callspec.id)


def _keep_screenshot(page, name):
    """The notebook from top to bottom, in pictures of a readable size."""
    folder = os.environ.get("LAMBDALAB_SCREENSHOTS")
    if not folder:
        return
    page.click("text=View >> nth=0")
    page.keyboard.press("Escape")
    height = int(page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollHeight")) + 150
    page.set_viewport_size({"width": 1100, "height": height})
    page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
    page.wait_for_timeout(500)
    for number, top in enumerate(range(0, height, 1500)):
        clip = {"x": 285, "y": top, "width": 785, "height": min(1500, height - top)}
        page.screenshot(path=str(Path(folder) / f"first-lab-{name}-{number}.png"), clip=clip)
