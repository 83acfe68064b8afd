"""The SDK's client. Importing this takes longer than a cold start: import it when an engine is looked for."""

from __future__ import annotations

from typing import Any

from docker import APIClient


class Client(APIClient):  # type: ignore[misc]
    """An `APIClient` that goes by the certificates it was given.

    The SDK's own lets REQUESTS_CA_BUNDLE, which is for the web's certificates, stand before them (psf/requests#3829).
    """

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """What a request goes by: called by `requests`."""
        own = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, own, cert)
