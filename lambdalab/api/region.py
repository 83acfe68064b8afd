"""What an operation works with: the parts of one running region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lambdalab.api.lifecycle import Lifecycle
from lambdalab.clock import Clock, LabClock
from lambdalab.config import Settings
from lambdalab.engine.dispatch import Dispatcher
from lambdalab.engine.environments import Environments
from lambdalab.engine.logs import LogStore
from lambdalab.engine.provisioning import Provisioning
from lambdalab.model.function import FunctionKey, FunctionVersion
from lambdalab.model.runtime import Policy
from lambdalab.runtimes.backends.probe import Isolation
from lambdalab.sources.aws import AwsServices
from lambdalab.sources.child import Child
from lambdalab.store.attachments import AttachmentStore
from lambdalab.store.functions import FunctionStore
from lambdalab.store.layers import LayerStore
from lambdalab.store.packages import PackageStore
from lambdalab.store.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Region:
    """The parts of one running region, handed to every operation."""

    settings: Settings
    clock: Clock
    lab_clock: LabClock
    functions: FunctionStore
    attachments: AttachmentStore
    layers: LayerStore
    shelf: Shelf
    packages: PackageStore
    environments: Environments
    dispatcher: Dispatcher
    provisioning: Provisioning
    logs: LogStore
    child: Child
    aws: AwsServices
    lifecycle: Lifecycle
    endpoint: str
    isolation: Isolation
    code_location: Callable[[str], str]
    """A link to a package by its sha256, valid for ten minutes."""
    superseded: dict[FunctionKey, FunctionVersion] = field(default_factory=dict)
    """While an update of $LATEST is in progress: what invocations still run."""

    def __post_init__(self) -> None:
        """The region's life hears from its parts what keeps it from being idle."""
        self.lifecycle.at_work = self.at_work

    def at_work(self) -> bool:
        """Whether an environment starts or works, one is prepared ahead of calls, or an image is pulled."""
        return (
            self.environments.at_work()
            or self.provisioning.at_work()
            or self.dispatcher.snapshots.at_work()
            or bool(self.isolation.backends.docker.pulls())
        )

    @property
    def runtime_policy(self) -> Policy:
        """Which runtimes may be used: AWS's rules of the lab's day, or all of them where a course set that."""
        return Policy(self.lab_clock.now().date(), self.settings.allow_blocked_runtimes)
