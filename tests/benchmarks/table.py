"""The one table of all that are compared: a row for each, with the reason where there are no figures."""

import statistics
from dataclasses import dataclass, field


@dataclass
class Row:
    """One contestant: texts by column, and what must be said of them; without texts, `why` there are none."""

    name: str
    figures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    why: str = ""

    def take(self, column, measure):
        """Put what `measure` returns, a text or texts by column, into the row; why not, into the notes."""
        try:
            found = measure()
        except Exception as problem:
            self.figures[column] = "failed"
            self.notes.append(f"{column}: {reason(problem)}")
        else:
            self.figures.update(found if isinstance(found, dict) else {column: found})


def row(name, contestant, measure):
    """The row of a contestant, which a context manager yields; one that cannot be had, or measured, is a row too."""
    made = None
    try:
        with contestant as one:
            made = measure(one)
    except Exception as problem:
        if made is None:
            return Row(name, why=reason(problem))
        made.notes.append(f"its end failed: {reason(problem)}")
    return made


def reason(problem):
    """An exception in a line of 400 characters at most; of a group, its first."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    words = " ".join(str(problem).split())[:400]
    return f"{type(problem).__name__}: {words}" if words else type(problem).__name__


def spread(values):
    """`45.2 (38.1 to 61.0)`: the median, and the middle eight of ten."""
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    return f"{figure(statistics.median(ordered))} ({figure(low)} to {figure(high)})"


def figure(value):
    """Three digits, or all before the point."""
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


def lines(rows):
    """The table in Markdown, and the notes below it."""
    columns = list(dict.fromkeys(column for one in rows for column in one.figures))
    cells = [[one.name, *(one.figures.get(column, "-") for column in columns)] for one in rows if not one.why]
    cells.insert(0, ["", *columns])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    text = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |" for line in cells]
    text.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    text += [f"| {one.name.ljust(widths[0])} | not measured: {one.why.replace('|', '/')} |" for one in rows if one.why]
    return [*text, *(f"{one.name}: {note}" for one in rows for note in one.notes)]
