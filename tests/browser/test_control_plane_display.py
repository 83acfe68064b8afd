"""The notebook of versions, layers, settings and concurrency in a real JupyterLab: readable, nothing too wide."""

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from tests.browser.test_jupyterlab import WAIT_MS, JupyterLab
from tests.conftest import browser
from tests.kernel.test_control_plane import NOTEBOOK
from tests.wheels import only_from, wheel

pytestmark = [pytest.mark.browser, pytest.mark.toolchains]


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"], ids=["light", "dark"])
def page(request, monkeypatch, tmp_path):
    monkeypatch.setenv("LAMBDALAB_CLOCK_RATE", "6000")
    wheel(tmp_path / "wheels", "requests", "2.99.0")
    only_from(monkeypatch, tmp_path / "wheels")
    cells = [nbformat.v4.new_code_cell(cell) for cell in NOTEBOOK]
    kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), tmp_path / "a.ipynb")
    server = JupyterLab(tmp_path, request.param)
    try:
        server.wait()
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
            page = chromium.new_page(viewport={"width": 1100, "height": 1000})
            page.goto(server.url("a.ipynb"), timeout=WAIT_MS)
            yield page
            chromium.close()
    finally:
        server.close()


def test_the_notebook_of_the_control_plane_runs_in_jupyterlab(page):
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=WAIT_MS)
    page.wait_for_selector("text=/Python 3 .* Idle/", timeout=WAIT_MS)
    page.click(".lm-MenuBar-item >> text=Run")
    page.click(".lm-Menu-item >> text=/^Run All Cells$/")
    wrong = ", ".join(
        f".jp-RenderedText[data-mime-type='application/vnd.jupyter.{kind}']" for kind in ("error", "stderr")
    )
    last = page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
    last.or_(page.locator(wrong)).first.wait_for(timeout=2 * WAIT_MS)
    assert page.locator(wrong).all_inner_texts() == []
    wide = "[...document.querySelectorAll('.jp-RenderedHTMLCommon')].filter(e => e.scrollWidth > e.clientWidth + 1)"
    assert page.evaluate(f"{wide}.map(e => e.innerText.slice(0, 80))") == []
    cut = wide.replace(".jp-RenderedHTMLCommon", "section.ll1")
    assert page.evaluate(f"{cut}.map(e => e.innerText.slice(0, 80))") == []
    assert page.locator("mjx-container").count() == 0, "a formula was made of dollar signs"
    picture = page.get_by_role("img", name="production sends 90\u00a0% to version 1 and 10\u00a0% to version 2").first
    assert picture.bounding_box()["width"] > 500
