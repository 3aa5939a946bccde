"""JSON and YAML as they come from outside, given types: a mapping, a list, or None where it is something else."""

from typing import cast


def mapping(value: object) -> dict[str, object] | None:
    if not isinstance(value, dict):
        return None
    return {str(key): item for key, item in cast("dict[object, object]", value).items()}


def sequence(value: object) -> list[object] | None:
    return cast("list[object]", value) if isinstance(value, list) else None


def items(value: object) -> list[object]:
    """What is in a list or tuple, nothing for what is neither."""
    return list(cast("list[object] | tuple[object, ...]", value)) if isinstance(value, (list, tuple)) else []


def mappings(value: object) -> list[dict[str, object]]:
    """The mappings in a list."""
    return [found for item in items(value) if (found := mapping(item)) is not None]
