"""Pages for people, from the templates that stand beside the modules that fill them: every text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template


def template(path: Path, filters: Mapping[str, Callable[..., Any]] | None = None) -> Template:
    """The template at `path`, with the project's `filters`. A name that it is not given is an error, never a blank."""
    environment = Environment(
        loader=FileSystemLoader(path.parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= filters or {}
    return environment.get_template(path.name)
