"""What is said of a Python module that an import did not find, and what usually brings it."""

from __future__ import annotations

from lambdalab.client.missing import Missing
from lambdalab.client.requirements.known import distribution

_ON_AWS = "On AWS too only the standard library, boto3 and what you pack are there; the notebook's packages are not."


def words(missing: Missing, function: str) -> tuple[str, str]:
    """What happened, and what to do: a layer that has it, the name that was meant, or pip."""
    module = missing.module
    happened = f"The function's package does not contain `{module}`"
    if missing.has:
        asked = " ".join(f"--layer {one}" for one in missing.has)
        layer = f"{happened}; the layer `{missing.has[-1]}` does."
        return layer, f"`%lambda config {function} {asked}` gives it to the function."
    if missing.near and missing.is_there:
        return f"{happened}.", f"Did you mean `{missing.near}`, which it has? Mend the import and run the cell again."
    if missing.near:
        package = distribution(missing.near)
        return (
            f"{happened}.",
            f"Did you mean `{missing.near}`? Mend the import; `--requirements {package}` puts that one there, "
            f"installed by pip. {_ON_AWS}",
        )
    return (
        f"{happened}.",
        f"`--requirements {distribution(module)}` puts it there, installed by pip; a module of your own comes with "
        f"`--file {module}.py`. {_ON_AWS}",
    )
