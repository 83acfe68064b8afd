"""Python's packages by the names that people import: what pip calls them, and what a misspelt one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable

from lambdalab.client.near import nearest

DISTRIBUTIONS = {
    "bs4": "beautifulsoup4", "cv2": "opencv-python-headless", "dateutil": "python-dateutil", "docx": "python-docx",
    "dotenv": "python-dotenv", "fitz": "PyMuPDF", "jwt": "PyJWT", "PIL": "pillow", "psycopg2": "psycopg2-binary",
    "skimage": "scikit-image", "sklearn": "scikit-learn", "yaml": "PyYAML",
}  # fmt: skip
"""What pip calls packages whose modules have other names."""
_SAME_NAME = (
    "boto3", "botocore", "httpx", "jinja2", "matplotlib", "numpy", "pandas", "pydantic", "requests", "scipy",
)  # fmt: skip
"""Packages that people often import, and that pip calls the same."""
_NEAR = 0.8
"""How like two names have to be: `requests` and `reqests` are 0.93, `requests` and `requests_mock` 0.76."""


def distribution(module: str) -> str:
    """What pip calls the package of a module."""
    return DISTRIBUTIONS.get(module, module)


def meant(module: str, there: Iterable[str] = ()) -> str:
    """The module that a name which is nowhere stands for: one of those that are `there`, else one that is well known.

    Empty where none is near, and where the name is a well-known one itself.
    """
    known = (*DISTRIBUTIONS, *_SAME_NAME)
    if module in known:
        return ""
    return nearest(module, there, _NEAR) or nearest(module, known, _NEAR)
