"""What a run leaves: what readers see, what is taken for whole, and the lake in words that two lakes can be compared by.

Two lakes are the same when every path, every link and every byte is, but:
- databases (`qpv.duckdb`): DuckDB does not write one twice alike, and `verify` holds each to its Parquet files;
- logs of executions (`journal/*.jsonl`, `acces/acces.jsonl`), which say what each execution did: see `retold`;
- the hour of a deposit's receipt, which is the machine's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from qpv_data.access import read_log
from qpv_data.releases import channels
from qpv_data.releases.layout import DATABASE, MANIFEST
from qpv_data.releases.verify import verify

RECEIVED_AT = "recu_le"


def prints(folder: Path) -> dict[str, str]:
    """Path → digest of everything under a miniature's folder, as two lakes are compared."""
    return {str(p.relative_to(folder)): _print(p) for p in sorted(folder.rglob("*")) if _compared(p)}


def _compared(path: Path) -> bool:
    return path.is_symlink() or (path.is_file() and path.name != DATABASE and path.suffix != ".jsonl") or path.is_dir()


def _print(path: Path) -> str:
    if path.is_symlink():
        return f"→ {path.readlink()}"
    if path.is_dir():
        return f"dossier {path.stat().st_mode & 0o777:o}"
    content = path.read_bytes()
    if path.parent.name == "recus" and path.suffix == ".json":
        receipt = {k: v for k, v in json.loads(content).items() if k != RECEIVED_AT}
        content = json.dumps(receipt, sort_keys=True).encode()
    return f"{hashlib.sha256(content).hexdigest()[:16]} {path.stat().st_mode & 0o777:o}"


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """In words; none when two lakes are the same."""
    told = [f"manque : {p}" for p in expected.keys() - found.keys()]
    told += [f"en trop : {p}" for p in found.keys() - expected.keys()]
    told += [f"autre : {p}" for p in expected.keys() & found.keys() if expected[p] != found[p]]
    return sorted(told)


# --- logs ---------------------------------------------------------------------------------------------------


def logs(out: Path) -> dict[str, list[str]]:
    """Every log of executions, line by line; that a delivery was new or known already is one and the same."""
    found = {"acces": [*map(_without_chain, read_log(out / "acces").lignes)]}
    for path in sorted((out / "journal").glob("*.jsonl")):
        found[path.stem] = list(_told(path.read_text("utf-8", errors="replace")))
    return found


def _without_chain(line: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in line.items() if k != "precedente"}, sort_keys=True)


def _told(text: str) -> Iterator[str]:
    for line in text.splitlines():
        try:
            content = json.loads(line)
        except ValueError:
            continue  # half written by the kill: left where it is, and read by nobody
        if content.get("statut") == "recue":
            content["statut"] = "inchangee"
        yield json.dumps(content, sort_keys=True)


def retold(before: dict[str, list[str]], alone: dict[str, list[str]], twice: dict[str, list[str]]) -> list[str]:
    """Faults of the logs after a killed execution and a whole one: each says what was there before, then the beginning
    of what an undisturbed execution says, then the whole of it. Nothing else, and nothing twice."""
    faults = []
    for name, lines in alone.items():
        start, whole = before.get(name, []), lines[len(before.get(name, [])) :]
        after = twice.get(name, [])
        middle = after[len(start) : len(after) - len(whole)]
        if after[: len(start)] != start or after[len(after) - len(whole) :] != whole or middle != whole[: len(middle)]:
            faults.append(f"journal {name} : {len(start)} lignes, puis {len(middle)} et {len(whole)} attendues")
    return faults


# --- what is seen -------------------------------------------------------------------------------------------


def whole(out: Path) -> dict[str, str]:
    """Release → digest of all its bytes, for those that are whole."""
    return {root.name: _bytes_of(root) for root in _releases(out) if verify(root) == []}


def _releases(out: Path) -> list[Path]:
    return sorted(p for p in (out / "releases").glob("*-r[0-9]*") if (p / MANIFEST).is_file())


def _bytes_of(root: Path) -> str:
    told = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        told.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return told.hexdigest()


def seen(out: Path, allowed: Sequence[str | None], known: Mapping[str, str]) -> list[str]:
    """Faults in what readers see: the database and both channels show one whole release of those `allowed`, or none
    where None is; every release that is there is whole. Those with the bytes of `known` are known to be."""
    releases, faults = out / "releases", list[str]()
    for channel in (channels.STABLE, channels.PROVISOIRE):
        name = channels.current(releases, channel)
        said = releases / f"{channel}.json"
        over_http = json.loads(said.read_text("utf-8"))["publication"] if said.is_file() else None
        for told in {name, over_http} - {None}:
            if told not in allowed or not (releases / str(told) / MANIFEST).is_file():
                faults.append(f"{channel} montre {told}")
    for root in _releases(out):
        if known.get(root.name) != _bytes_of(root):
            faults += [f"{root.name}/{f.ou} : {f.quoi}" for f in verify(root)]
    base = out / DATABASE
    shown = _shown(base) if base.exists() else None
    if shown not in allowed:
        faults.append(f"la base montre {shown}")
    return faults


def _shown(base: Path) -> str:
    with duckdb.connect(str(base), read_only=True) as con:
        told = con.execute("SELECT DISTINCT publication FROM valeurs").fetchall()
        assert told == con.execute("SELECT publication FROM publications").fetchall(), "deux publications mêlées"
        return str(told[0][0])


def half_written(out: Path) -> list[str]:
    """What bears a whole file's name and is not whole, releases apart, which `seen` holds to their manifests."""
    folders = [p for p in out.glob("*") if p.name not in ("releases", "archives")]
    found = (p for folder in folders for p in sorted(folder.rglob("*")))
    return [str(p.relative_to(out)) for p in found if p.is_file() and _is_torn(p, out)]


def _is_torn(path: Path, out: Path) -> bool:
    inside = path.relative_to(out)
    if any(part.startswith(".") for part in inside.parts):
        return False  # a temporary name: taken for nothing
    try:
        if path.suffix == ".parquet":
            pq.read_table(path)
        elif path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif inside.parts[0] == "raw":
            return hashlib.sha256(path.read_bytes()).hexdigest() != path.parent.name
    except (OSError, ValueError):
        return True
    return False


def leftovers(out: Path) -> list[str]:
    """Scratch folders and temporary names: a run leaves none."""
    found = (p.relative_to(out) for p in out.rglob("*"))
    return [str(p) for p in sorted(found) if p.name.startswith(".") and p.name != ".verrou"]
