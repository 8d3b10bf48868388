"""Versions, disk, permissions, certificates, Prefect's folder: what this machine must offer a run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import ssl
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib import metadata
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from qpv_data.operations.check import Check, fault, ok, warning
from qpv_data.operations.screen import size
from qpv_data.operations.stages import bytes_in
from qpv_data.problems import Problem, listed
from qpv_data.runs import PRIVATE

_OLDEST_PYTHON = (3, 11)
_FEW, _LITTLE, _INODES = 500_000_000, 5_000_000_000, 10_000
_BOUND = re.compile(r"(==|<=|>=|<|>)\s*([\d.]+)")


def host_checks(sortie: Path, environment: Mapping[str, str]) -> Iterator[Check]:
    """All of them, in the order in which a person reads them."""
    yield versions()
    yield disk(sortie)
    yield writable(sortie)
    yield permissions(sortie)
    yield certificates(environment)
    yield prefect_home(environment)


def versions() -> Check:
    """Python, and the packages whose bounds this project declares."""
    shown = f"Python {sys.version.split()[0]}, DuckDB {metadata.version('duckdb')}"
    if sys.version_info < _OLDEST_PYTHON:
        remedy = "installer Python 3.11 ou plus récent, puis make install"
        return fault("versions", Problem.VERSION_INATTENDUE, shown, remedy)
    wrong = [w for line in metadata.requires("qpv-data") or [] if ";" not in line and (w := _beyond(line))]
    if wrong:
        remedy = "pip install --require-hashes -r requirements.lock"
        return fault("versions", Problem.VERSION_INATTENDUE, f"hors des bornes : {listed(wrong)}", remedy)
    return ok("versions", f"qpv-data {metadata.version('qpv-data')}, {shown}")


def _beyond(requirement: str) -> str | None:
    """The package and its version when it is missing or out of the bounds of `requirement`."""
    name = re.split(r"[\s<>=!~\[]", requirement, maxsplit=1)[0]
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} absent"
    holds = {
        "==": lambda a, b: a == b, ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, "<": lambda a, b: a < b,
        ">": lambda a, b: a > b,
    }  # fmt: skip
    for operator, bound in _BOUND.findall(requirement):
        width = max(len(_numbers(found)), len(_numbers(bound)))
        pair = [n + (0,) * (width - len(n)) for n in (_numbers(found), _numbers(bound))]
        if not holds[operator](*pair):
            return f"{name} {found} ({operator}{bound})"
    return None


def _numbers(version: str) -> tuple[int, ...]:
    plain = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, plain[0].split("."))) if plain else ()


def disk(sortie: Path) -> Check:
    """Room for a run: a release is written whole beside the one that it follows."""
    above = standing(sortie)
    usage, held = shutil.disk_usage(above), bytes_in(sortie) if above == sortie else 0
    inodes = os.statvfs(above)
    shown = f"{size(usage.free)} libres sur {size(usage.total)}, dossier de {size(held)}"
    remedy = "libérer de la place, agrandir le volume, ou archiver d'anciennes publications (conservation)"
    if usage.free < max(_FEW, held // 2):
        return fault("disque", Problem.PLACE_INSUFFISANTE, shown, remedy)
    if inodes.f_files and inodes.f_favail < _INODES:
        return fault("disque", Problem.PLACE_INSUFFISANTE, f"{inodes.f_favail} inodes libres", remedy)
    if usage.free < max(_LITTLE, 2 * held) or usage.free < usage.total // 20:
        return warning("disque", Problem.PLACE_INSUFFISANTE, shown, remedy)
    return ok("disque", shown)


def there(path: Path) -> bool:
    """Whether it exists, as far as this account can see."""
    try:
        return path.exists()
    except PermissionError:  # of a folder above it
        return False


def standing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that this account can see."""
    return next(p for p in (path, *path.parents) if there(p))


def closed(folder: Path) -> Check | None:
    """An error when this account may not look into a folder that is there: of what is in it, nothing is said."""
    if not there(folder) or os.access(folder, os.R_OK | os.X_OK):
        return None
    remedy = "lancer doctor sous le compte qui exécute"
    return fault(
        "droits", Problem.ECRITURE_IMPOSSIBLE, f"{folder} n'est pas lisible de ce compte : pas regardé", remedy
    )


def writable(sortie: Path) -> Check:
    """Whether this account can write where runs write: temporary files too, which are in the same folder."""
    above = standing(sortie)
    remedy = "donner le dossier au compte qui exécute, ou monter le volume en écriture"
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        return fault("écriture", Problem.ECRITURE_IMPOSSIBLE, f"{above} : pas de droit d'écrire", remedy)
    if os.statvfs(above).f_flag & os.ST_RDONLY:
        return fault("écriture", Problem.ECRITURE_IMPOSSIBLE, f"{above} : monté en lecture seule", remedy)
    mine = os.geteuid()
    others = [p.name for p in sorted(sortie.glob("*")) if p.lstat().st_uid != mine] if above == sortie else []
    if others and mine != 0:
        return fault("écriture", Problem.ECRITURE_IMPOSSIBLE, f"à un autre compte : {listed(others)}", remedy)
    return ok("écriture", f"{above}")


def permissions(sortie: Path) -> Check:
    """What holds records, counts or keys is its owner's alone."""
    if (above := closed(standing(sortie))) is not None:
        return above
    private = [p for name in PRIVATE if there(p := sortie / name)]
    keys = sortie / "cles"
    looked = [*private, *(sorted(keys.glob("*")) if keys in private and os.access(keys, os.R_OK | os.X_OK) else ())]
    wide = [str(p.relative_to(sortie)) for p in looked if stat.S_IMODE(p.stat().st_mode) & 0o077]
    base = sortie / "exploitation.duckdb"
    wide += [base.name] if there(base) and stat.S_IMODE(base.stat().st_mode) & 0o077 else []
    if wide:
        remedy = f"chmod -R go= {shlex.join(str(sortie / w) for w in wide)}"
        return fault("droits", Problem.DROITS_TROP_LARGES, f"lisibles par d'autres : {listed(wide)}", remedy)
    if not private:
        return ok("droits", f"pas encore de dossier privé dans {sortie}")
    return ok("droits", "les dossiers privés ne sont lisibles que de leur propriétaire")


def certificates(environment: Mapping[str, str]) -> Check:
    """The authorities that certificates are checked with."""
    named = environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE")
    bundle = Path(named or DEFAULT_CA_BUNDLE_PATH)
    remedy = "pip install --force-reinstall certifi, ou corriger REQUESTS_CA_BUNDLE"
    try:
        context = ssl.create_default_context(
            cafile=None if bundle.is_dir() else str(bundle), capath=str(bundle) if bundle.is_dir() else None
        )
    except (OSError, ssl.SSLError) as e:
        return fault("autorités", Problem.SOURCE_INJOIGNABLE, f"{bundle} illisible ({type(e).__name__})", remedy)
    count = len(context.get_ca_certs())
    if not count and not bundle.is_dir():
        return fault("autorités", Problem.SOURCE_INJOIGNABLE, f"{bundle} n'en contient aucune", remedy)
    return ok(
        "autorités", f"{count or 'un dossier d’'} autorités de certification, {'déclarées' if named else 'certifi'}"
    )


def prefect_home(environment: Mapping[str, str]) -> Check:
    """Prefect's folder, if flows are scheduled on this machine: its own, private, its database whole."""
    named = environment.get("PREFECT_HOME", "").strip()
    try:
        home = (Path(named).expanduser() if named else Path.home() / ".prefect").absolute()
    except RuntimeError:  # an account without a home
        return ok("PREFECT_HOME", "Prefect n'est pas employé par ce compte, qui n'a pas de dossier personnel")
    if not named and not there(home):
        return ok("PREFECT_HOME", "Prefect n'est pas employé par ce compte")
    if not named:
        remedy = "export PREFECT_HOME=<un dossier du projet, hors d'un disque temporaire>"
        return warning("PREFECT_HOME", Problem.PREFECT_MAL_REGLE, f"absent : {home} sert à tout le compte", remedy)
    above = standing(home)
    if not os.access(above, os.W_OK | os.X_OK):
        return fault(
            "PREFECT_HOME", Problem.PREFECT_MAL_REGLE, f"{above} : pas de droit d'écrire", "changer ses droits"
        )
    base = home / "prefect.db"
    if base.is_file() and (why := _broken(base)):
        remedy = f"arrêter le serveur, mettre {shlex.quote(str(base))} de côté, puis redéployer : docs/flux.md"
        return fault("PREFECT_HOME", Problem.PREFECT_MAL_REGLE, f"{base.name} {why}", remedy)
    if home.is_dir() and stat.S_IMODE(home.stat().st_mode) & 0o007:
        return warning(
            "PREFECT_HOME", Problem.DROITS_TROP_LARGES, f"{home} ouvert à tous", f"chmod o= {shlex.quote(str(home))}"
        )
    return ok("PREFECT_HOME", f"{home}{'' if base.is_file() else ' (pas encore de base)'}")


def _broken(base: Path) -> str | None:
    """Why Prefect's database cannot be used; read only, and never waited for."""
    try:
        with closing(sqlite3.connect(f"{base.as_uri()}?mode=ro", uri=True, timeout=2)) as con:
            (answer,) = con.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as e:
        locked = "locked" in str(e)
        return "est verrouillée" if locked else f"est illisible ({type(e).__name__})"
    return None if answer == "ok" else "est abîmée"
