"""docs/capture.svg: the terminal at the end of `qpv-data demo`, as it is, drawn by rich.

The command really runs, in a process of its own whose terminal is 84 columns wide and has colours.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 84
_COMMAND = "qpv-data demo --out data/demo"
# rich's SVG asks a content network for its font: the reader's own will do.
_FONT_FACE = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


def capture() -> str:
    """Run the demonstration in a temporary folder and draw its result. The same output gives the same bytes."""
    with tempfile.TemporaryDirectory(prefix="qpv-capture-") as folder:
        printed = _run(Path(folder))
    return draw(_COMMAND, result_of(printed))


def _run(folder: Path) -> str:
    terminal = {"COLUMNS": str(WIDTH), "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    done = subprocess.run(
        [sys.executable, "-m", "qpv_data", "demo", "--out", "data/demo"],
        cwd=folder,
        env={**os.environ, **terminal, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "")


def result_of(printed: str) -> str:
    """From the table of quarters on: the counts of each feed, before it, are too long for a first screen."""
    lines = printed.rstrip().splitlines()
    start = next((i for i, line in enumerate(lines) if Text.from_ansi(line).plain.strip().startswith("Quartiers")), 0)
    return "\n".join(lines[start:])


def draw(command: str, printed: str) -> str:
    """SVG of a terminal that shows `command` and what it printed, ANSI colours included; no address in it."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text("[…]", style="dim"))
    console.print(Text.from_ansi(printed), soft_wrap=True, highlight=False)
    svg = console.export_svg(title="qpv-data", theme=MONOKAI, unique_id="qpv")
    return "\n".join(line.rstrip() for line in _FONT_FACE.sub("", svg).splitlines()) + "\n"
