"""A lab: the functions of one region, which is found or started when the first of them is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from lambdalab.client import layers, region
from lambdalab.client.cell import CellSource
from lambdalab.client.display import Displayed
from lambdalab.client.function import Function
from lambdalab.client.keys import Credentials
from lambdalab.client.layers import Layer, LayerList
from lambdalab.client.names import FUNCTIONS, Names
from lambdalab.client.session import Session
from lambdalab.config import Settings


class FunctionList(tuple[Mapping[str, Any], ...], Displayed):
    """The functions of a region, as AWS's FunctionConfiguration documents, sorted by name."""

    __slots__ = ()

    def __repr__(self) -> str:
        names = ", ".join(one["FunctionName"] for one in self[:8])
        more = f", and {len(self) - 8} more" if len(self) > 8 else ""
        return f"{len(self)} function{'' if len(self) == 1 else 's'}{': ' if self else ''}{names}{more}"


class Doctor(dict[str, Any], Displayed):
    """What the region can run here and what it enforces: its own report (`GET /_lambdalab/doctor`)."""

    __slots__ = ()

    def __repr__(self) -> str:
        runtimes = [one["name"] for one in self["runtimes"] if not one["problem"]]
        state = "ready" if runtimes else "not ready"
        return (
            f"lambdalab {self['version']} {state}, backend {self['backend']}, runs {', '.join(runtimes) or 'nothing'}"
        )


class Lab:
    """`lab["hello"]` is a function, `lab.layer("common")` a layer; nothing starts before it is used.

    `lab(isolated=True)` is a lab of its own, in a temporary home, that ends with this process: for tests and
    graders. `lab(home=...)` is the lab of another home. Both are context managers.
    """

    def __init__(self, *, home: Path | str | None = None, isolated: bool = False, **settings: Any) -> None:
        self._session = Session(home, isolated, settings)

    def __call__(self, *, home: Path | str | None = None, isolated: bool = False, **settings: Any) -> Lab:
        """Another lab. `settings` are fields of `config.Settings`, such as `backend` or `idle_seconds`."""
        return Lab(home=home, isolated=isolated, **settings)

    def __getitem__(self, name: str) -> Function:
        """The function of that name, partial ARN or ARN, whether or not it exists."""
        if not isinstance(name, str):
            raise TypeError(f"a function's name is text, not {type(name).__name__}: lab['hello']")
        return Function(self._session, name)

    if not TYPE_CHECKING:  # a type checker is to refuse a name that is not there, as ever

        def __getattr__(self, name: str) -> NoReturn:
            absent = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):  # those are Python's and IPython's questions, not a person's
                item = f'lab["NAME"].{name}' if hasattr(Function, name) else f"lab[{json.dumps(name)}]"
                absent += f". Functions are items: {item}"
            raise AttributeError(absent, name=name, obj=self)

    def _ipython_key_completions_(self) -> tuple[str, ...]:
        """The functions' names, behind `lab["` and Tab."""
        return self.names.functions()

    def __iter__(self) -> Any:
        raise TypeError("a lab is not a list; its functions are in lab.functions()")

    def __repr__(self) -> str:
        return f"Lab at {self._session!r}"

    @property
    def settings(self) -> Settings:
        """Where the home is, and what its region runs with."""
        return self._session.settings

    @property
    def sources(self) -> Mapping[str, CellSource]:
        """The cells that functions were deployed from by this lab, by name."""
        return self._session.sources

    @property
    def endpoint(self) -> str:
        """Where the AWS API answers, such as `http://127.0.0.1:40123`. Starts the region."""
        return self._session.current().endpoint

    @property
    def credentials(self) -> Credentials:
        """The access key made for this home. Starts the region."""
        return self._session.current().credentials

    def environment(self) -> Mapping[str, str]:
        """The variables that point the aws command line, boto3 and Terraform here. Starts the region."""
        return region.environment(self._session.current())

    def client(self, service: str = "lambda", **options: Any) -> Any:
        """A boto3 client for the region. `options` are those of `boto3.client`."""
        import boto3  # noqa: PLC0415 - slow to import, and the lab itself needs none of it
        from botocore.config import Config  # noqa: PLC0415

        running = self._session.current()
        # No proxy: the region is on this machine.
        given = options.pop("config", None) or Config()
        return boto3.client(
            service,
            **{
                "endpoint_url": running.endpoint,
                "region_name": running.region,
                "aws_access_key_id": running.credentials.access_key_id,
                "aws_secret_access_key": running.credentials.secret_access_key,
                "config": Config(proxies={}).merge(given),
                **options,
            },
        )

    def functions(self) -> FunctionList:
        """All functions of the region. Starts it."""
        return FunctionList(
            sorted(self._session.pages(FUNCTIONS, "Functions"), key=lambda one: str(one["FunctionName"]))
        )

    def layer(self, name: str) -> Layer:
        """The layer of that name, whether or not it exists."""
        return Layer(self._session, name)

    def layers(self) -> LayerList:
        """All layers of the region. Starts it."""
        return layers.layers(self._session)

    @property
    def names(self) -> Names:
        """The names of what is there, for completion: starts nothing and raises nothing."""
        return Names(self._session)

    def doctor(self) -> Doctor:
        """What can run here and what is enforced. Starts the region."""
        return Doctor(json.loads(self._session.call("GET", "/_lambdalab/doctor", service="lambdalab").body))

    def pulls(self) -> list[dict[str, Any]]:
        """The images that the region pulls now, and how far each is. Starts nothing."""
        running = self._session.running()
        return running.pulls() if running is not None else []

    def close(self) -> None:
        """Let go of the region; an isolated one ends, and its home is removed."""
        self._session.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
