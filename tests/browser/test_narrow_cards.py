"""Cards beside JupyterLab's file browser: whatever they hold, nothing is cut at their edge."""

from dataclasses import replace

import pytest
from playwright.sync_api import sync_playwright

from lambdalab.notebook.views import doctor, function_list, invocation, logs
from tests.conftest import browser
from tests.unit import view_records as records

pytestmark = pytest.mark.browser
LISTED = {**records.CONFIGURATION, "Runtime": "dotnet8", "Handler": "Function::Function::Handler", "MemorySize": 1769}
STAMP = f"2026-11-27T20:03:59.493Z\t{records.REQUEST_ID}\tINFO\t"
LONG = f"{STAMP}{'a long line of words ' * 9}\n{STAMP}{'x' * 300}\n"
FAILED = {"errorMessage": "'price'", "errorType": "KeyError", "stackTrace": ['  File "/var/task/x.py", line 2 ' * 4]}
RUNTIME = {**records.DOCTOR["runtimes"][0], "name": "provided.al2023", "version": "al2023 (this machine's system)"}
CARDS = {
    "list": function_list.html([LISTED, {**LISTED, "FunctionName": "orders-of-the-shop", "MemorySize": 10_240}]),
    "log": invocation.html(replace(records.COLD_CALL, log=LONG)),
    "logs": logs.html(
        records.Logs("hello", tuple(records.Event(records.LOGS.events[0].time, line) for line in LONG.splitlines()))
    ),
    "response": invocation.html(replace(records.FAILED_CALL, payload=FAILED)),
    "doctor": doctor.html({**records.DOCTOR, "runtimes": [*records.DOCTOR["runtimes"], RUNTIME]}),
}
CUT = """[...document.querySelectorAll('section, section pre, section dd')]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText.slice(0, 80))"""


@pytest.fixture(scope="module")
def page():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        yield chromium.new_page()
        chromium.close()


@pytest.mark.parametrize("width", [420, 648, 880])
@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_nothing_is_cut_at_a_cards_edge(page, card, width):
    """The widths that a card has in windows of 900, 1100 and 1366 pixels."""
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(f"<body style='margin: 0'>{card}</body>")
    assert page.evaluate(CUT) == []


def test_the_list_of_functions_is_all_to_be_seen_in_a_window_of_1100_pixels(page):
    page.set_viewport_size({"width": 648, "height": 900})
    page.set_content(f"<body style='margin: 0'>{CARDS['list']}</body>")
    table, around = (page.locator(f"section {part}").bounding_box()["width"] for part in ("table", ".ch"))
    assert table <= around
    lines = (
        "[...document.querySelectorAll('tbody td:last-child')].map(e => e.firstElementChild.getClientRects().length)"
    )
    assert page.evaluate(lines) == [1, 1], "a date is one line"
