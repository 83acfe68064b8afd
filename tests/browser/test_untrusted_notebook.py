"""Cards in a notebook that was run elsewhere: JupyterLab takes their style sheet and drawings away, and they are read."""

import nbformat
import pytest
from playwright.sync_api import sync_playwright

from lambdalab.notebook.views import doctor, versions
from tests.browser.test_jupyterlab import WAIT_MS, JupyterLab
from tests.conftest import browser
from tests.unit import view_records as records

pytestmark = pytest.mark.browser
NOTEBOOK = "untrusted.ipynb"
RUNTIME = {**records.DOCTOR["runtimes"][0], "name": "provided.al2023", "version": "al2023 (this machine's system)"}
CARDS = (
    doctor.html({**records.DOCTOR, "runtimes": [*records.DOCTOR["runtimes"], RUNTIME]}),
    versions.html(records.VERSIONS),
    versions.alias_html(records.CANARY),
)
OVERLAPPING = """[...document.querySelectorAll('section dl')].flatMap(list => {
    const words = [...list.querySelectorAll('dt, dd')].map(one => {
        const range = document.createRange(); range.selectNodeContents(one); return [one.innerText, range.getBoundingClientRect()];
    });
    return words.flatMap(([a, p], n) => words.slice(n + 1).filter(([b, q]) =>
        p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 3 && q.top < p.bottom - 3
    ).map(([b]) => a + ' / ' + b));
})"""


def _write(folder):
    outputs = [nbformat.v4.new_output("display_data", {"text/html": card}) for card in CARDS]
    cells = [nbformat.v4.new_code_cell("", outputs=[output], execution_count=1) for output in outputs]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / NOTEBOOK)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("untrusted")
    _write(folder)
    server = JupyterLab(folder, "JupyterLab Light")
    try:
        server.wait()
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
            page = chromium.new_page(viewport={"width": 1100, "height": 3000})
            page.goto(server.url(NOTEBOOK), timeout=WAIT_MS)
            page.locator("section.ll1").nth(len(CARDS) - 1).wait_for(timeout=WAIT_MS)
            assert page.locator(".jp-RenderedHTMLCommon style, .jp-RenderedHTMLCommon svg").count() == 0, (
                "it is trusted"
            )
            yield page
            chromium.close()
    finally:
        server.close()


def test_the_doctors_names_and_versions_are_not_printed_over_each_other(page):
    assert page.evaluate(OVERLAPPING) == []


@pytest.mark.parametrize("card", [1, 2], ids=["versions", "alias"])
def test_the_picture_of_aliases_becomes_lines_of_words(page, card):
    lines = page.locator("section.ll1").nth(card).inner_text().replace("\u00a0", " ").splitlines()
    assert "production: 90 % to 3, 10 % to 4" in lines
    assert "staging: all to version 4" in lines
    assert "$LATEST, 1be07a, 2026-11-23 07:02, editable" in lines
    assert "version 3, 1be07a, cut 3, fixed" in lines
