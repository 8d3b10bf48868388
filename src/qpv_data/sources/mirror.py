"""A mirror: public addresses answered from local files, over loopback HTTP, for hosts without the network.

A table (`url;fichier`, `;`, UTF-8, `#` starts a comment line) maps an address to a file; `*` and `?` in
`fichier` gather the matches into one ZIP, always the same bytes. A third column, `disponible_le`, may say the day when
the producer had the file there. Then comes the layout DIR/<host>/<path>. A deposit
is answered at `depot://<clause>/<name>`: DIR/<clause>/<name> in the layout, where a pattern finds its only match.
"""

from __future__ import annotations

import csv
import fnmatch
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from qpv_data.problems import InvalidDeclarationError, Problem, Violation, relative_to_cwd
from qpv_data.resources import referentials_dir
from qpv_data.sources.serve import serve

_HEADER = ["url", "fichier"]
_DATED = [*_HEADER, "disponible_le"]
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class MirrorSession:
    """A mirror that answers now. `address` is the `transport` that fetch takes."""

    base: str

    def address(self, url: str) -> str:
        """The loopback address that answers for `url`, its query included."""
        return f"{self.base}/{quote(url, safe='')}"


class _Entry(NamedTuple):
    fichier: str
    disponible_le: date | None


class Mirror:
    """Addresses to files of one folder. Nothing outside that folder is ever served."""

    def __init__(self, root: Path, tables: Sequence[Path], *, layout: bool) -> None:
        """Raises InvalidDeclarationError, with every fault of every table."""
        self.root, self._layout = root.resolve(), layout
        violations: list[Violation] = []
        self._entries: list[dict[str, _Entry]] = []
        for table in tables:
            entries, faults = _read(table, self.root)
            self._entries.append(entries)
            violations += faults
        if violations:
            raise InvalidDeclarationError(violations)

    @classmethod
    def open(cls, path: Path, tables: Sequence[Path] | None = None) -> Mirror:
        """From a folder: its miroir.csv, then `tables` (by default the project's own), then DIR/<host>/<path>.

        From a table: its own lines only, relative to its folder.
        """
        if path.is_file():
            return cls(path.parent, [path], layout=False)
        if not path.is_dir():
            message = "ni un dossier ni une table"
            remedy = "donner à --miroir un dossier, ou une table url;fichier"
            raise InvalidDeclarationError(
                [Violation(relative_to_cwd(path), 1, Problem.MIROIR_INCOMPLET, message, remedy)]
            )
        if tables is None:
            tables = sorted((referentials_dir() / "miroirs").glob("*.csv"))
        own = path / "miroir.csv"
        return cls(path, [*([own] if own.is_file() else []), *tables], layout=True)

    @contextmanager
    def serve(self) -> Iterator[MirrorSession]:
        """Answer over loopback until the context ends."""
        with tempfile.TemporaryDirectory(prefix="qpv-miroir-") as tmp:
            gathering = _Gathering(Path(tmp))

            def resolve(target: str) -> Path | None:
                files, pattern = self.files(_asked(target))
                return gathering.zip(files, pattern) if pattern else next(iter(files), None)

            with serve(resolve, lambda target: self._day(_asked(target))) as base:
                yield MirrorSession(base)

    def files(self, url: str) -> tuple[list[Path], str]:
        """The files that answer for `url`, and the pattern that gathered them ("" for one file as it is)."""
        key = _normal(url)
        if key is None:
            return [], ""
        for entries in self._entries:
            if (entry := entries.get(key)) is None:
                continue
            name = entry.fichier
            if found := [p for p in _matches(self.root, name) if p.is_file() and self._holds(p)]:
                return found, name if _is_pattern(name) else ""
        path = self._in_layout(key) if self._layout else None
        return ([path] if path else []), ""

    def _day(self, url: str) -> date | None:
        """The day that the first table to name this address gives it."""
        key = _normal(url)
        return next(
            (entries[key].disponible_le for entries in self._entries if key is not None and key in entries), None
        )

    def _holds(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.root)

    def _in_layout(self, url: str) -> Path | None:
        """DIR/<host>/<path>, and `?query` in the file's name: another query is another resource."""
        split = urlsplit(url)
        query = f"?{split.query}" if split.query else ""
        segments = [split.netloc, *(unquote(s) for s in (split.path[1:] + query).split("/"))]
        if any(s in ("", ".", "..") or "/" in s or "\\" in s or "\0" in s for s in segments):
            return None
        path = self.root.joinpath(*segments)
        if split.scheme == "depot" and _is_pattern(segments[-1]):
            found = [p for p in _matches(path.parent, segments[-1]) if p.is_file() and self._holds(p)]
            return found[0] if len(found) == 1 else None
        try:
            return path if path.is_file() and self._holds(path) else None
        except OSError:  # a name too long for the file system
            return None


@contextmanager
def mirrored(path: Path | None) -> Iterator[Callable[[str], str] | None]:
    """How addresses are reached: as they are, or through a mirror's loopback server."""
    if path is None:
        yield None
        return
    with Mirror.open(path).serve() as session:
        yield session.address


class _Gathering:
    """ZIPs of several files, made once a session: fixed dates, sorted, stored, hence always the same bytes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._made, self._lock = folder, dict[str, Path](), threading.Lock()

    def zip(self, files: list[Path], pattern: str) -> Path | None:
        with self._lock:
            if files and pattern not in self._made:
                stem = PurePosixPath(pattern).name.split("*")[0].split("?")[0].rstrip("._-") or "archive"
                folder = self._folder / str(len(self._made))
                folder.mkdir()
                with zipfile.ZipFile(folder / f"{stem}.zip", "w", zipfile.ZIP_STORED) as archive:
                    for file in files:
                        info = zipfile.ZipInfo(file.name, date_time=_EPOCH)
                        info.create_system, info.external_attr = 3, 0o100644 << 16
                        info.file_size = file.stat().st_size
                        with file.open("rb") as source, archive.open(info, "w") as member:
                            shutil.copyfileobj(source, member, 1 << 20)
                self._made[pattern] = folder / f"{stem}.zip"
            return self._made.get(pattern)


def _asked(target: str) -> str:
    """The address that a request's target asks for."""
    return unquote(target.removeprefix("/"))


def _normal(url: str) -> str | None:
    """One spelling of an address: lower-case scheme and host, no default port, no user, no fragment."""
    try:
        split = urlsplit(url)
    except ValueError:
        return None
    host = (split.netloc.rpartition("@")[2]).lower()
    host = host.removesuffix(":443" if split.scheme == "https" else ":80")
    return split._replace(netloc=host, path=split.path or "/", fragment="").geturl()


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


def _matches(root: Path, name: str) -> list[Path]:
    """Sorted matches of `name`, whose folders hold no wildcard."""
    if not _is_pattern(name):
        return [root / name]
    relative = PurePosixPath(name)
    folder, glob = root / relative.parent, relative.name.replace("[", "[[]")
    return sorted(p for p in folder.glob("*") if fnmatch.fnmatchcase(p.name, glob))


def _read(table: Path, root: Path) -> tuple[dict[str, _Entry], list[Violation]]:
    """Address to file and day, and every fault. Lines are counted from 1, comments included."""
    shown, entries, faults = relative_to_cwd(table), dict[str, _Entry](), list[Violation]()

    def fault(line: int, problem: Problem, message: str, remedy: str) -> None:
        faults.append(Violation(shown, line, problem, message, remedy))

    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        fault(1, Problem.VALEUR_INVALIDE, f"table illisible ({type(e).__name__})", "une table csv en UTF-8")
        return entries, faults
    rows = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    header = next(csv.reader([rows[0][1]], delimiter=";")) if rows else []
    if header not in (_HEADER, _DATED):
        fault(rows[0][0] if rows else 1, Problem.VALEUR_INVALIDE, "en-tête inattendu", "commencer par url;fichier")
        return entries, faults
    for number, line in rows[1:]:
        cells = [c.strip() for c in next(csv.reader([line], delimiter=";"))]
        url = _normal(cells[0]) or ""
        day = _day(cells[2]) if len(cells) == len(_DATED) and cells[2] else None
        if len(cells) != len(header) or not url.startswith(("http://", "https://", "depot://")) or not cells[1]:
            fault(number, Problem.VALEUR_INVALIDE, "ligne mal formée", "écrire une adresse http(s) ; un fichier")
        elif reason := _escapes(root, cells[1]):
            fault(number, Problem.VALEUR_INVALIDE, f"{cells[1]} {reason}", "nommer un fichier du dossier")
        elif url in entries:
            fault(number, Problem.DOUBLON, f"adresse déjà donnée : {cells[0]}", "garder une seule ligne")
        elif cells[2:] not in ([], [""]) and day is None:
            fault(number, Problem.VALEUR_INVALIDE, f"jour illisible : {cells[2]}", "écrire AAAA-MM-JJ")
        else:
            entries[url] = _Entry(cells[1], day)
    return entries, faults


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _escapes(root: Path, name: str) -> str:
    """Why `name` may not be served from `root`; "" when it may."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or "\\" in name or "\0" in name or ":" in relative.parts[0]:
        return "sort du dossier"
    if _is_pattern(str(relative.parent)):
        return "a un joker dans un nom de dossier"
    if any(not p.resolve().is_relative_to(root) for p in _matches(root, name)):
        return "est un lien qui sort du dossier"
    return ""
