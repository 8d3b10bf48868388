"""Read one YAML file as one model, every fault told with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from qpv_data.problems import InvalidDeclarationError, Problem, Violation, relative_to_cwd

M = TypeVar("M", bound=BaseModel)


def read_declared(source: Path, model: type[M], remedy: str) -> M:
    """The file as `model`. Raises InvalidDeclarationError with every fault."""
    text = source.read_text(encoding="utf-8")
    try:
        return model.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        fault = (mark.line + 1 if mark else 1, Problem.YAML_ILLISIBLE, str(getattr(e, "problem", e)))
        faults = [fault]
    except ValidationError as e:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        faults = [(_line_of(root, loc), Problem.VALEUR_INVALIDE, _where(loc, message)) for loc, message in _faults(e)]
    shown = relative_to_cwd(source)
    raise InvalidDeclarationError([Violation(shown, line, what, message, remedy) for line, what, message in faults])


def _faults(error: ValidationError) -> list[tuple[tuple[int | str, ...], str]]:
    """Path and message of each fault, without "too short" lists that are so because their items are wrong."""
    found = [(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors()]
    return [
        (loc, message)
        for loc, kind, message in found
        if kind != "too_short" or not any(other[: len(loc)] == loc and other != loc for other, _, _ in found)
    ]


def _where(loc: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(str(step) for step in loc)} : {message}" if loc else message


def _line_of(node: Any, loc: tuple[int | str, ...]) -> int:
    """Line, from 1, of the deepest node that exists on the path `loc`."""
    for step in loc:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), node)
    return int(node.start_mark.line) + 1 if node is not None else 1
