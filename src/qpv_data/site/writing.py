"""Render the pages and write those that changed, so that a site that is made again touches what is new alone."""

from __future__ import annotations

import filecmp
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup

from qpv_data.exports.readable import THEMES
from qpv_data.problems import Problem, QpvDataError
from qpv_data.replacing import replacing
from qpv_data.site import french
from qpv_data.site.model import EXPLAINED, STATES, Zone
from qpv_data.software import software_digest

HERE = Path(__file__).parent
FOLDERS = ("quartiers", "indicateurs", "donnees", "ressources")
"""Folders of a site that hold nothing but what a build writes."""
STATE = ".site.json"
"""What the last build wrote, and from what: read by the next, of no use to a reader."""


StageWatcher = Callable[[str, int, int], None]
"""Told what has been done of a stage: its name, how much, of how much."""


def nobody(_stage: str, _done: int, _total: int) -> None:
    """Watches nothing."""


class SiteError(QpvDataError):
    """A site cannot be made: the problem, and the remedy."""

    def __init__(self, probleme: Problem, message: str, remede: str) -> None:
        self.probleme, self.message, self.remede = probleme, message, remede
        super().__init__(f"{probleme.value}: {message} → {remede}")


@dataclass
class Site:
    """A folder being written. `ecrites` and `gardees`: paths from it, those written anew and those that stood."""

    out: Path
    commun: Mapping[str, Any]
    """What every page is told: publication, audience, navigation."""
    ecrites: list[str] = field(default_factory=list)
    gardees: list[str] = field(default_factory=list)
    avant: dict[str, str] = field(default_factory=dict)
    entrees: dict[str, str] = field(default_factory=dict)
    suivi: StageWatcher = nobody

    def page(self, path: str, template: str, **content: Any) -> None:
        """Render `template` into `path`, a path from the folder with `/`."""
        root = "../" * path.count("/")
        self.text(path, environment().get_template(template).render(self.commun, racine=root, chemin=path, **content))

    def text(self, path: str, content: str) -> None:
        self.bytes(path, content.encode())

    def bytes(self, path: str, content: bytes) -> None:
        """Write a file unless it holds these bytes already."""
        target = self.out / path
        if target.is_file() and target.stat().st_size == len(content) and target.read_bytes() == content:
            self.gardees.append(path)
            return
        with replacing(target, durable=False) as temporary:
            temporary.write_bytes(content)
        self.ecrites.append(path)

    def copy(self, path: str, source: Path) -> int:
        """Copy a file, unless the same bytes are there; returns its size."""
        target = self.out / path
        if target.is_file() and filecmp.cmp(source, target, shallow=False):
            self.gardees.append(path)
        else:
            with replacing(target, durable=False) as temporary:
                shutil.copyfile(source, temporary)
            self.ecrites.append(path)
        return source.stat().st_size

    def script(self, path: str, call: str, content: object) -> None:
        """Data as a script: from `file://`, a page may load a script and nothing else."""
        self.text(path, f"{call}({in_script(content)});\n")

    def same(self, path: str, given: str) -> bool:
        """Whether a page stands that the last build made from the same things, with the same software; it is kept if
        so. `given`: a digest."""
        given = digest(given, software())
        self.entrees[path] = given
        if self.avant.get(path) == given and (self.out / path).is_file():
            self.gardees.append(path)
            return True
        return False

    def finish(self) -> list[str]:
        """Take away what the last build wrote and this one did not, and note what this one is made from."""
        kept = {*self.ecrites, *self.gardees}
        held = {
            p.relative_to(self.out).as_posix() for own in FOLDERS for p in (self.out / own).rglob("*") if p.is_file()
        }
        gone = sorted(path for path in {*self.avant, *held} - kept if (self.out / path).is_file())
        for path in gone:
            (self.out / path).unlink()
        state = {path: self.entrees.get(path, "") for path in sorted(kept)}
        with replacing(self.out / STATE, durable=False) as temporary:
            temporary.write_text(json.dumps(state, indent=0, ensure_ascii=False) + "\n", "utf-8")
        return gone


def begin(out: Path, common: Mapping[str, Any]) -> Site:
    """Open a folder to write a site in. Raises SiteError for a folder that holds something else."""
    if out.is_file() or (out.is_dir() and any(out.iterdir()) and not (out / STATE).is_file()):
        message = f"{out} existe et n'est pas un site que cette commande a écrit"
        raise SiteError(Problem.ECRITURE_IMPOSSIBLE, message, "donner un dossier vide, ou celui du site à refaire")
    out.mkdir(parents=True, exist_ok=True)
    before = _state(out / STATE)
    if not before:  # whoever kills the first build may run it again
        (out / STATE).write_text("{}\n", "utf-8")
    return Site(out, common, avant=before)


def _state(path: Path) -> dict[str, str]:
    """What the last build noted; nothing when there was none, or when what it noted was damaged: all is made again."""
    if not path.is_file():
        return {}
    try:
        read = json.loads(path.read_text("utf-8"))
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in read.items()} if isinstance(read, dict) else {}


class Typography(Extension):
    """Holds the signs that French parts by a space to the word before, in what templates say (never in data): a figure
    or a word is not left at the end of a line by its « : » or its « % »."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for token in stream:
            held = french.held(token.value) if token.type == "data" else token.value
            yield Token(token.lineno, token.type, held)


@cache
def environment() -> Environment:
    """Templates: every text is escaped, a name that is not given is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=[Typography],
    )  # fmt: skip
    made.filters |= {
        "nombre": french.number, "signe": french.signed, "periode": french.period, "jour": french.day,
        "aire": french.area, "liste": french.listed, "coupable": french.breakable, "theme": theme, "fin": french.thin,
        "taille": french.size, "jusqua": french.until, "de_periode": french.of_period,
        "alphabetique": _alphabetical, "tenu": french.held,
    }  # fmt: skip
    made.globals |= {"ETATS": STATES, "EXPLIQUES": EXPLAINED, "pluriel": french.plural}
    return made


def _alphabetical(zones: Iterable[Zone]) -> list[Zone]:
    return sorted(zones, key=lambda z: (french.sort_key(z.appel), z.code))


def theme(name: str) -> str:
    """A theme in words, with a capital."""
    words = THEMES.get(name, name.replace("_", " "))
    return words[:1].upper() + words[1:]


def in_script(content: object) -> Markup:
    """JSON that may stand inside a script element or file: nothing in it closes the element or opens a comment."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  no markup is left in it


@cache
def software() -> str:
    """A digest of what makes pages: other code or another template makes them all again."""
    return digest(software_digest(), *((p.name, p.read_bytes()) for p in sorted(HERE.rglob("*.j2"))))


def digest(*things: object) -> str:
    """Of what a page is made from: dataclasses and texts whose `repr` says all of them."""
    return hashlib.sha256("\x1f".join(repr(t) for t in things).encode()).hexdigest()
