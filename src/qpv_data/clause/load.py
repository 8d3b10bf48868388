"""Read clauses from YAML, keeping the line of every key, and list all their violations at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from qpv_data.clause.faults import Chemin, line_of, translated
from qpv_data.clause.model import Clause, ClauseJeu, ClauseZonage, Indicateur
from qpv_data.problems import InvalidDeclarationError, Problem, Violation, relative_to_cwd

__all__ = ["Chemin", "ClauseSet", "LeftOut", "LoadedClause", "line_of", "load_clauses", "read_clause"]
_ADAPTER: TypeAdapter[Clause] = TypeAdapter(Annotated[Clause, Field(discriminator="nature")])
_MAX_BYTES = 2_000_000


@dataclass(frozen=True)
class LoadedClause:
    """A clause with the file that holds it and the line of each of its keys."""

    clause: Clause
    fichier: Path
    lignes: dict[Chemin, int]

    def violation(self, chemin: Chemin, probleme: Problem, message: str, remede: str) -> Violation:
        """A violation at the line of `chemin`, or of its nearest parent that is written in the file."""
        return Violation(relative_to_cwd(self.fichier), line_of(self.lignes, chemin), probleme, message, remede)


@dataclass(frozen=True)
class LeftOut:
    """What an output may not hold, and why: the feed, its indicator (none for the feed itself)."""

    jeu: str
    indicateur: str | None
    probleme: Problem
    message: str


@dataclass(frozen=True)
class ClauseSet:
    """Every clause of a directory, sorted by id, each in one version: that of a day.

    `autres`: its other versions. `ecartes`: what was taken out of it for an audience or a purpose.
    """

    racine: Path
    chargees: tuple[LoadedClause, ...]
    autres: tuple[LoadedClause, ...] = ()
    ecartes: tuple[LeftOut, ...] = ()

    @property
    def jeux(self) -> tuple[ClauseJeu, ...]:
        """The feeds, in the order of their ids."""
        return tuple(c.clause for c in self.chargees if isinstance(c.clause, ClauseJeu))

    @property
    def zonages(self) -> tuple[ClauseZonage, ...]:
        """The referentials, in the order of their ids."""
        return tuple(c.clause for c in self.chargees if isinstance(c.clause, ClauseZonage))

    def versions(self, ident: str) -> tuple[Clause, ...]:
        """Every version of a clause, the one of the day first."""
        return tuple(c.clause for c in (*self.chargees, *self.autres) if c.clause.id == ident)

    def indicateurs(self) -> Iterator[tuple[ClauseJeu, Indicateur]]:
        """Each indicator with the clause that declares it."""
        for clause in self.jeux:
            for indicateur in clause.indicateurs:
                yield clause, indicateur


_RESOLVERS = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Loader(yaml.SafeLoader):
    """Dates stay text: a clause's dates are read by the model, and codes such as 2024-01 are not dates."""

    yaml_implicit_resolvers = _RESOLVERS


class _QuickLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same by libyaml, ten times as quick, where PyYAML has it. Its faults are told by `_Loader`, in more words."""

    yaml_implicit_resolvers = _RESOLVERS


def read_clause(path: Path) -> tuple[LoadedClause | None, list[Violation]]:
    """Read one file. Either the clause, or all its violations."""
    shown = relative_to_cwd(path)
    try:
        raw, lines, repeated = _parse(path)
    except OSError as e:
        message = f"fichier illisible : {e.strerror or type(e).__name__}"
        return None, [Violation(shown, 1, Problem.YAML_ILLISIBLE, message, "vérifier le fichier et ses droits")]
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as e:
        mark = getattr(e, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        text = getattr(e, "problem", None) or str(e).splitlines()[0]
        return None, [Violation(shown, line, Problem.YAML_ILLISIBLE, text, "corriger la syntaxe YAML (UTF-8)")]
    violations = [
        Violation(shown, line, Problem.DOUBLON, f"clé écrite deux fois : {key}", "n'en garder qu'une")
        for key, line in repeated
    ]
    try:
        clause = _ADAPTER.validate_python(raw)
    except ValidationError as e:
        return None, violations + translated(shown, lines, _errors(raw, e))
    return (None if violations else LoadedClause(clause, path, lines)), violations


def load_clauses(root: Path, jour: date | None = None) -> ClauseSet:
    """Read every `*.yml` under `root`. Raises InvalidDeclarationError with all violations of all files.

    A clause of several versions is there in that of `jour`: in force, else the last that has begun, else the first;
    without a day, the latest.
    """
    if not root.is_dir():
        raise InvalidDeclarationError(
            [
                Violation(
                    str(root), 1, Problem.REFERENCE_INCONNUE, "dossier de clauses introuvable", "vérifier le chemin"
                )
            ]
        )
    loaded: list[LoadedClause] = []
    violations: list[Violation] = []
    for path in sorted([*root.rglob("*.yml"), *root.rglob("*.yaml")]):
        clause, found = read_clause(path)
        violations += found
        if clause is not None:
            loaded.append(clause)
    if not loaded and not violations:
        violations.append(
            Violation(
                str(root), 1, Problem.REFERENCE_INCONNUE, "aucune clause (*.yml) dans ce dossier", "en déclarer une"
            )
        )
    if violations:
        raise InvalidDeclarationError(violations)
    ordered = sorted(loaded, key=lambda c: (c.clause.id, c.clause.duree.debut, c.clause.version))
    chosen = [_of_day(list(group), jour) for _, group in groupby(ordered, key=lambda c: c.clause.id)]
    return ClauseSet(root, tuple(chosen), tuple(c for c in ordered if not any(c is x for x in chosen)))


def _of_day(versions: list[LoadedClause], jour: date | None) -> LoadedClause:
    """The version of a day, among those of one clause, sorted by their first day."""
    begun = [v for v in versions if jour is None or v.clause.duree.debut <= jour]
    return begun[-1] if begun else versions[0]


def _parse(path: Path) -> tuple[Any, dict[Chemin, int], list[tuple[str, int]]]:
    data = path.read_bytes()
    if len(data) > _MAX_BYTES:
        raise ValueError(f"clause de plus de {_MAX_BYTES} octets")
    text = data.decode("utf-8-sig")
    for event in yaml.parse(text, Loader=_Loader) if "&" in text else ():
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ValueError(f"ligne {line} : les alias YAML (*) ne sont pas acceptés : écrire la valeur")
    try:
        return _composed(_QuickLoader(text))
    except yaml.YAMLError:
        return _composed(_Loader(text))


def _composed(loader: Any) -> tuple[Any, dict[Chemin, int], list[tuple[str, int]]]:
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, {}, []
        lines: dict[Chemin, int] = {}
        repeated: list[tuple[str, int]] = []
        _walk(node, (), lines, repeated)
        return loader.construct_document(node), lines, repeated
    finally:
        loader.dispose()


def _walk(node: yaml.Node, path: Chemin, lines: dict[Chemin, int], repeated: list[tuple[str, int]]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            child = (*path, str(key.value))
            if child in lines:
                repeated.append((".".join(map(str, child)), key.start_mark.line + 1))
                continue
            lines[child] = key.start_mark.line + 1
            _walk(value, child, lines, repeated)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            _walk(value, (*path, i), lines, repeated)


def _errors(raw: Any, error: ValidationError) -> list[dict[str, Any]]:
    """All errors. Without its `nature`, a clause is held to the keys of the one that it looks like."""
    errors: list[dict[str, Any]] = [dict(e) for e in error.errors(include_url=False)]
    if isinstance(raw, dict) and errors[0]["type"].startswith("union_tag") and not errors[0]["loc"]:
        errors[0]["loc"] = ("nature",)
        try:
            _ADAPTER.validate_python({**raw, "nature": "zonage" if "zonage" in raw else "jeu"})
        except ValidationError as e:
            errors += [dict(other) for other in e.errors(include_url=False)]
    return errors
