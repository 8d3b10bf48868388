"""What the attacker cannot read. Its own error, since the package imports nothing of the rest of the project."""

from __future__ import annotations


class RefusedInputError(Exception):
    """An input that cannot be attacked. `problem` is a word of the project's closed list; the command maps it."""

    def __init__(self, source: str, problem: str, message: str, remedy: str) -> None:
        self.source, self.problem, self.message, self.remedy = source, problem, message, remedy
        super().__init__(f"{source}: {problem}: {message} → {remedy}")
