"""Who is told where the region is that this process talks to, without this layer knowing who that is.

Only of the region of the default home: an isolated lab, or one of another home, is its owner's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Follower = Callable[[Mapping[str, str]], None]
"""Takes the region's variables (`region.environment`), with each call of the region and from any thread: again and
again the same, so that it must be quick."""
_followers: list[Follower] = []


def follow(follower: Follower) -> None:
    """Tell `follower` from now on; it is called first when a region is next used."""
    _followers.append(follower)


def leave(follower: Follower) -> None:
    """Tell it no more."""
    _followers.remove(follower)


def tell(variables: Callable[[], Mapping[str, str]]) -> None:
    """A region was found, or is used: its variables, made only where somebody follows."""
    for follower in tuple(_followers):
        follower(variables())
