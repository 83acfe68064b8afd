"""What an installer is given, and what it makes: libraries for a runtime on Lambda's own Linux."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lambdalab.client.package import Package, contents, programs_in


@dataclass(frozen=True, slots=True)
class Requirements:
    """What was asked for, in lines as the installer reads them; `files` go with them, by their names.

    `elsewhere`: it refers to what may be something else tomorrow, such as a path, so that nothing is kept of it.
    """

    lines: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    elsewhere: bool = False

    def __str__(self) -> str:
        return ", ".join(self.lines)


@dataclass(frozen=True, slots=True)
class Target:
    """What is installed for: a runtime such as `python3.12`, and `x86_64` or `arm64`."""

    runtime: str
    architecture: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a package: (name, version) of each library, and the names of those that may lack something.

    `unscripted` have install scripts, which were not run.
    """

    distributions: tuple[tuple[str, str], ...]
    unscripted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Installed:
    """The package, what was `asked` for, and what is in it. `kept`: it was there from before."""

    package: Package
    asked: str
    contents: Contents
    kept: bool

    @property
    def distributions(self) -> tuple[tuple[str, str], ...]:
        """(name, version) of each library."""
        return self.contents.distributions

    @property
    def files(self) -> dict[str, bytes]:
        """The package's files by their paths."""
        return contents(self.package.data)

    @property
    def programs(self) -> frozenset[str]:
        """Those of them that are executable."""
        return programs_in(self.package.data)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person should know of it."""
        names = self.contents.unscripted
        if not names:
            return ()
        listed = f"{', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
        return (f"install scripts of npm's packages are not run: {listed} may lack what theirs would build or fetch",)


class Installer(ABC):
    """Installs the libraries of one family of runtimes."""

    layer: str
    """Where a layer of that family has them: below /opt, this directory is on the way of every such runtime."""

    @abstractmethod
    def read(self, words: Sequence[str]) -> Requirements:
        """The requirements in `words`; each is one, or several with spaces between, or the path of a file of them.

        Raises `BadOption` for what is none, and for a file that cannot be read.
        """

    @abstractmethod
    def fill(self, folder: Path, wanted: Requirements, target: Target) -> None:
        """Put into the folder, which is empty, what the package shall have.

        Raises `BadOption` for what turns out to be no requirement, and `NotInstalled` for everything else.
        """

    @abstractmethod
    def contents(self, data: bytes) -> Contents:
        """What is in a package that was made of such a folder."""
