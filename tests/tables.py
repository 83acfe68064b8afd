"""The README's tables of what was tested: written from the last run that tested it.

    make test                        # each run keeps what it found in pytest's cache
    python -m tests.tables           # puts it between the README's marks

A run of a part of the tests changes only the rows of what it ran.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".pytest_cache" / "v" / "lambdalab"
RUNTIMES, HOSTILE = "runtimes", "hostile"
_COLUMNS = {
    RUNTIMES: ("runtime", ("namespaces", "process", "docker")),
    HOSTILE: ("a function that", ("namespaces", "process", "docker")),
}


class Found:
    """What one run found of one table: outcomes by row and column."""

    def __init__(self, table):
        self._table, self._cells = table, {}

    def add(self, row, column, outcome, why=""):
        """Count "passed", "failed" or "skipped" (with its reason)."""
        cell = self._cells.setdefault(f"{row}|{column}", {"passed": 0, "failed": 0, "skipped": {}})
        if outcome == "skipped":
            cell["skipped"][why] = cell["skipped"].get(why, 0) + 1
        else:
            cell[outcome] += 1

    def keep(self, config):
        """Add to what earlier runs kept."""
        if self._cells:
            name = f"lambdalab/{self._table}"
            before = config.cache.get(name, {"cells": {}})
            now = {"cells": {**before["cells"], **self._cells}, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
            config.cache.set(name, now)


def _runtime_cell(cell):
    if cell is None:
        return "not run"
    ran, unable = cell["passed"] + cell["failed"], sum(cell["skipped"].values())
    if not ran:
        return f"not run: {'; '.join(cell['skipped'])}"
    words = f"{cell['passed']} of {ran}" if cell["failed"] else f"all {ran}"
    return words + (f", {unable} do not apply" if unable else "")


def _hostile_cell(cell):
    if cell is None or not (cell["passed"] or cell["failed"]):
        return "; ".join(cell["skipped"]) if cell and cell["skipped"] else "not run"
    return "contained" if not cell["failed"] else "NOT contained"


def table(name):
    """One table in Markdown."""
    kept = json.loads((CACHE / name).read_text())
    title, columns = _COLUMNS[name]
    write = _runtime_cell if name == RUNTIMES else _hostile_cell
    rows = list(dict.fromkeys(place.rpartition("|")[0] for place in kept["cells"]))
    lines = [f"| {title} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {row} | {' | '.join(write(kept['cells'].get(f'{row}|{column}')) for column in columns)} |" for row in rows
    ]
    return "\n".join([*lines, "", f"(Run on {kept['date']}.)"])


def main():
    """Rewrite the README; 1 when a table's run is not there."""
    readme = ROOT / "README.md"
    text = readme.read_text()
    for name in _COLUMNS:
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if begin not in text:
            continue
        if not (CACHE / name).exists():
            print(f"no run of {name} is kept: run the tests first", file=sys.stderr)
            return 1
        before, _, rest = text.partition(begin)
        text = before + begin + table(name) + "\n" + end + rest.partition(end)[2]
    readme.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
