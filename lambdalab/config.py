"""Where a lab keeps its things, and the few settings a region has."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from lambdalab import home as homes
from lambdalab.errors import BadOption
from lambdalab.model.vpc import MODELS, Model

ACCOUNT = "123456789012"
"""The account of AWS's documentation: commands and ARNs printed there work here."""
REGION = "us-east-1"
FASTEST = 100_000
"""How many times faster than the machine's time the lab's clock may go."""
BACKENDS = ("auto", "namespaces", "process", "docker")
IMAGES = "public.ecr.aws/lambda"
"""Where AWS publishes its base images."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one region runs with. Every field has an environment variable `LAMBDALAB_<FIELD>`.

    Times are in seconds. `idle_seconds` is how long the region outlives its last answer (0: for ever);
    `keep_warm_seconds` is how long an unused execution environment is kept; AWS's own is 5 to 15 minutes as
    observed (`lambda-contract.md` section 17); `lifetime_seconds` is how long one serves, used or not: AWS ends
    them "every few hours" ("Understanding the Lambda execution environment lifecycle"). What is simulated
    passes `clock_rate` times as fast; `vpc_model` says when a function in a VPC waits for its network
    interface: at its creation ("today") or, as until 2019, at each cold start ("classic"). The lab's clock is
    `clock_ahead` seconds on; `allow_blocked_runtimes` runs what AWS refuses to create or update on that day.
    `images` is the prefix of runtimes' images, a registry with a path or a mirror; with `pull` off only those
    that are there are used. `docker_callback` is the host by which containers reach this machine, where that
    cannot be found out.
    """

    home: Path
    account: str = ACCOUNT
    region: str = REGION
    backend: str = "auto"
    idle_seconds: float = 1800.0
    keep_warm_seconds: float = 600.0
    lifetime_seconds: float = 7200.0
    clock_rate: float = 1.0
    vpc_model: Model = "today"
    clock_ahead: float = 0.0
    allow_blocked_runtimes: bool = False
    images: str = IMAGES
    pull: bool = True
    docker_callback: str = ""

    @property
    def region_file(self) -> Path:
        """`region.json`, mode 0600: endpoint, pid and credentials of the running region."""
        return self.home / "region.json"

    @property
    def lock_file(self) -> Path:
        """Held while a region is being started, so that ten clients start one."""
        return self.home / "region.lock"

    @property
    def log_file(self) -> Path:
        """The region's own log."""
        return self.home / "region.log"

    @property
    def credentials_file(self) -> Path:
        """`credentials.json`, mode 0600: the keys made for this home; they outlive the region."""
        return self.home / "credentials.json"

    def as_environment(self) -> dict[str, str]:
        """The variables that give a child process the same settings."""
        return {
            "LAMBDALAB_HOME": str(self.home),
            "LAMBDALAB_ACCOUNT": self.account,
            "LAMBDALAB_REGION": self.region,
            "LAMBDALAB_BACKEND": self.backend,
            "LAMBDALAB_IDLE_SECONDS": repr(self.idle_seconds),
            "LAMBDALAB_KEEP_WARM_SECONDS": repr(self.keep_warm_seconds),
            "LAMBDALAB_LIFETIME_SECONDS": repr(self.lifetime_seconds),
            "LAMBDALAB_CLOCK_RATE": repr(self.clock_rate),
            "LAMBDALAB_VPC_MODEL": self.vpc_model,
            "LAMBDALAB_CLOCK_AHEAD": repr(self.clock_ahead),
            "LAMBDALAB_ALLOW_BLOCKED_RUNTIMES": "1" if self.allow_blocked_runtimes else "0",
            "LAMBDALAB_IMAGES": self.images,
            "LAMBDALAB_PULL": "1" if self.pull else "0",
            "LAMBDALAB_DOCKER_CALLBACK": self.docker_callback,
        }


def default_home() -> Path:
    """The home when none is named: `$LAMBDALAB_HOME`, else the user's data directory of the platform."""
    named = os.environ.get("LAMBDALAB_HOME")
    return Path(named).expanduser().absolute() if named else platformdirs.user_data_path("lambdalab", appauthor=False)


def load(environ: Mapping[str, str] | None = None, *, home: Path | None = None) -> Settings:
    """The settings that the environment names.

    Raises `BadOption` with the variable's name and rule, `HomeUnusable` where the home's name is no text.
    """
    env = os.environ if environ is None else environ
    account = env.get("LAMBDALAB_ACCOUNT", ACCOUNT)
    if not (account.isdigit() and len(account) == 12):
        raise BadOption(f"LAMBDALAB_ACCOUNT is {account!r}; an account is 12 digits, such as {ACCOUNT}.")
    backend = env.get("LAMBDALAB_BACKEND", "auto")
    if backend not in BACKENDS:
        raise BadOption(f"LAMBDALAB_BACKEND is {backend!r}; choose one of {', '.join(BACKENDS)}.")
    vpc_model = env.get("LAMBDALAB_VPC_MODEL", "today")
    if vpc_model not in MODELS:
        raise BadOption(f"LAMBDALAB_VPC_MODEL is {vpc_model!r}; choose one of {', '.join(MODELS)}.")
    home = home or default_home()
    homes.check_name(home)
    return Settings(
        home=home,
        account=account,
        region=env.get("LAMBDALAB_REGION", REGION),
        backend=backend,
        idle_seconds=_seconds(env, "LAMBDALAB_IDLE_SECONDS", 1800.0),
        keep_warm_seconds=_seconds(env, "LAMBDALAB_KEEP_WARM_SECONDS", 600.0),
        lifetime_seconds=_seconds(env, "LAMBDALAB_LIFETIME_SECONDS", 7200.0),
        clock_rate=_rate(env, "LAMBDALAB_CLOCK_RATE"),
        vpc_model=vpc_model,
        clock_ahead=_seconds(env, "LAMBDALAB_CLOCK_AHEAD", 0.0),
        allow_blocked_runtimes=_switch(env, "LAMBDALAB_ALLOW_BLOCKED_RUNTIMES"),
        images=_image_prefix(env),
        pull=_switch(env, "LAMBDALAB_PULL", "1"),
        docker_callback=env.get("LAMBDALAB_DOCKER_CALLBACK", ""),
    )


def _image_prefix(env: Mapping[str, str]) -> str:
    prefix = env.get("LAMBDALAB_IMAGES", IMAGES).rstrip("/")
    if not re.fullmatch(r"(?:[a-zA-Z0-9.\-]+(?::[0-9]+)?/)?[a-z0-9._\-]+(?:/[a-z0-9._\-]+)*(?::[0-9]+)?", prefix):
        raise BadOption(
            f"LAMBDALAB_IMAGES is {prefix!r}; it takes what stands before an image's name: a registry's host and a "
            f"path in small letters, without http://, such as {IMAGES} or 192.168.1.5:5000/lambda."
        )
    return prefix


def _switch(env: Mapping[str, str], name: str, default: str = "0") -> bool:
    text = env.get(name, default).lower()
    if text not in {"0", "1", "false", "true"}:
        raise BadOption(f"{name} is {text!r}; it takes 1 or 0.")
    return text in {"1", "true"}


def _rate(env: Mapping[str, str], name: str) -> float:
    text = env.get(name, "1").removeprefix("x")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= FASTEST:
        raise BadOption(f"{name} is {text!r}; it takes how many times faster, above 0 up to {FASTEST}, such as 60.")
    return value


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if value < 0:
        raise BadOption(f"{name} is {text!r}; it takes a number of seconds, 0 or more.")
    return value
