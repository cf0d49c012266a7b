"""What the models of the official SDKs did not expect."""

from collections.abc import Iterator

from pydantic import BaseModel


def surprises(value: object, where: str = "") -> list[str]:
    """The fields that no model knows, with their place. Empty: the SDK knows every word."""
    return list(_surprises(value, where or type(value).__name__))


def _surprises(value: object, where: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from (f"{where}.{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from _surprises(getattr(value, name, None), f"{where}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _surprises(item, f"{where}[{number}]")
