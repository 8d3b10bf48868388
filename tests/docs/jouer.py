"""Replay a page of commands in one shell, as its reader types them: ```sh is typed, ```text is what it answers.

`python tests/docs/jouer.py docs/visite.md` writes the answers again, from a root where `make demo` was run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

# A command, and the answer that follows it, if any; prose may stand between no answer and the next command.
_BLOCK = re.compile(r"^```sh\n(?P<typed>.*?)^```\n(?:\n```text\n(?P<answer>.*?)^```\n)?", re.DOTALL | re.MULTILINE)
_MARK = "\x1e"


def answers(page: str, root: Path) -> list[str]:
    """What each block of `page` prints, run one after the other in one shell whose folder is `root`.

    The root's own path is taken off, as the reader's would be. Raises AssertionError at the first that fails.
    """
    typed = [block["typed"] for block in _BLOCK.finditer(page)]
    script = "set -eo pipefail\n" + "".join(f"{text}\nprintf '{_MARK}'\n" for text in typed)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("QPV_", "SOURCE_DATE", "COLUMNS"))}
    done = subprocess.run(
        ["bash", "-c", script], cwd=root, env=kept, text=True, check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    printed = done.stdout.replace(f"{root}/", "").split(_MARK)
    told = [_tidy(text) for text in printed[:-1]]
    assert done.returncode == 0, f"{typed[len(told)]}\n{printed[-1]}"
    return told


def expected(page: str) -> list[str | None]:
    """What the page shows after each block; None where it shows nothing."""
    return [block["answer"] for block in _BLOCK.finditer(page)]


def written(page: str, told: list[str]) -> str:
    """The page with these answers in the place of those that it shows."""
    left = iter(told)

    def put(block: re.Match[str]) -> str:
        text = next(left)
        shown = f"\n```text\n{text}```\n" if text else ""
        return f"```sh\n{block['typed']}```\n{shown}"

    return _BLOCK.sub(put, page)


def _tidy(text: str) -> str:
    """Without the spaces that end lines, nor empty lines at both ends."""
    lines = [line.rstrip() for line in text.splitlines()]
    return "\n".join(lines).strip("\n") + "\n" if any(lines) else ""


if __name__ == "__main__":
    path, folder = Path(sys.argv[1]), Path.cwd()
    content = path.read_text("utf-8")
    path.write_text(written(content, answers(content, folder)), "utf-8")
