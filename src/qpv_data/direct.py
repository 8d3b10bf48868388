"""Call a command straight from plain arguments: typer's own way builds validators that cost more than a small file.

Only what is written plainly is taken; anything else (help, a wrong or missing option, an odd value) is left to typer,
which knows how to tell. One declaration serves both: the command's own signature.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, get_args, get_origin, get_type_hints


def plain_arguments(command: Callable[..., Any], words: Sequence[str]) -> dict[str, Any] | None:
    """The keyword arguments that typer would give to `command` for these words; None when it is for typer to say."""
    options, positional = _declared(command)
    given: dict[str, Any] = {}
    values = iter(words)
    for word in values:
        name, sign, text = word.partition("=") if word.startswith("--") else (word, "", "")
        if not word.startswith("-"):
            if positional is None:
                return None
            given.setdefault(positional[0], []).append(positional[1](word))
        elif name not in options:
            return None
        elif (kind := options[name])[1] is bool:
            if sign:
                return None
            given[kind[0]] = True
        else:
            text = text if sign else next(values, "-")
            value = _value(kind, text)
            if value is None:
                return None
            if kind[2]:
                given.setdefault(kind[0], []).append(value)
            else:
                given[kind[0]] = value
    return given if positional is None or positional[0] in given else None


_Kind = tuple[str, type, bool, float | None]


def _value(kind: _Kind, text: str) -> Any:
    if text.startswith("-"):  # an option's name, most likely, or a sign: typer will say
        return None
    try:
        value = kind[1](text)
    except ValueError:
        return None
    least = kind[3]
    return value if least is None or value >= least else None


def _declared(command: Callable[..., Any]) -> tuple[dict[str, _Kind], tuple[str, type] | None]:
    """(options by their names: parameter, type, whether repeatable, least value; the argument, when there is one)."""
    options: dict[str, _Kind] = {}
    positional = None
    hints = get_type_hints(command, include_extras=True)
    for name in inspect.signature(command).parameters:
        kind, said = get_args(hints[name]) if get_origin(hints[name]) is Annotated else (hints[name], None)
        kind = next((a for a in get_args(kind) if a is not type(None)), kind) if type(None) in get_args(kind) else kind
        many = get_origin(kind) is list
        plain: type = get_args(kind)[0] if many else kind
        if said is not None and type(said).__name__ == "ArgumentInfo":
            positional = (name, plain)
            continue
        # Inside Annotated, typer takes the first name for a default, and moves it later.
        first = getattr(said, "default", None)
        names = [
            *([first] if isinstance(first, str) and first.startswith("-") else ()),
            *getattr(said, "param_decls", ()),
        ]
        for option in names or ["--" + name.replace("_", "-")]:
            options[option] = (name, plain, many, getattr(said, "min", None))
    return options, positional
