"""Every dependency has its reason, and the lock pins each of them with hashes and without addresses."""

from __future__ import annotations

import re
import tomllib

import pytest
from lire_la_doc import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
DECLARED = [*PROJECT["dependencies"], *(r for group in PROJECT["optional-dependencies"].values() for r in group)]
LOCK = (REPOSITORY / "requirements.lock").read_text("utf-8")
PINS = {
    canonicalize_name(name): version for name, version in re.findall(r"^([\w.\-]+)==([^\s;\\]+)", LOCK, re.MULTILINE)
}
EXPLAINED = re.findall(
    r"^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|$", (REPOSITORY / "docs/dependencies.md").read_text("utf-8"), re.M
)


def test_every_dependency_has_its_reason_and_no_reason_outlives_its_dependency() -> None:
    assert sorted(name for name, _ in EXPLAINED) == sorted(Requirement(r).name for r in DECLARED)


@pytest.mark.parametrize("declared", DECLARED)
def test_the_page_shows_the_bound_of_the_project(declared: str) -> None:
    wanted = Requirement(declared)
    shown = dict(EXPLAINED)[wanted.name]
    assert shown.startswith(f"`{wanted.specifier}`" if wanted.specifier else "none")


@pytest.mark.parametrize("declared", DECLARED)
def test_the_lock_pins_it_within_its_bound(declared: str) -> None:
    wanted = Requirement(declared)
    assert wanted.specifier.contains(PINS[canonicalize_name(wanted.name)])


def test_every_pin_has_hashes() -> None:
    entries = re.split(r"^(?=[\w.\-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) > len(DECLARED)
    assert [e.split("==")[0] for e in entries if "--hash=sha256:" not in e] == []


def test_the_lock_holds_pins_alone_and_no_address() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*(--(index|extra|find|trusted)|-[eifr]\b)", LOCK, re.MULTILINE)
    unpinned = [line for line in LOCK.splitlines() if re.match(r"[\w.\-]+", line) and "==" not in line]
    assert unpinned == []
