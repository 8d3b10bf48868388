"""What a source asks of the rest of its clause: the format that its protocol gives."""

from __future__ import annotations

from collections.abc import Iterator

from qpv_data.clause.load import LoadedClause
from qpv_data.clause.source import (
    SourceDepot,
    SourceDido,
    SourceGbfs,
    SourceOpendatasoft,
    SourceWfs,
)
from qpv_data.problems import Problem, Violation

_EXPORTS = {"csv": "csv", "parquet": "parquet", "geojson": "vecteur", "json": "json"}


def source_violations(loaded: LoadedClause) -> Iterator[Violation]:
    """Every key of `format` that the source's protocol contradicts, and a deposit whose period nothing says."""
    source, fmt = loaded.clause.source, loaded.clause.format
    expected: dict[str, object] = {}
    if isinstance(source, SourceOpendatasoft):
        expected = {"type": _EXPORTS[source.export]}
    elif isinstance(source, SourceDido):
        expected = {"type": "csv"}
    elif isinstance(source, SourceWfs):
        expected = {"type": "vecteur"}
    elif isinstance(source, SourceGbfs):
        expected = {"type": "json", "racine": "stations"}
    if expected.get("type") == "csv":
        expected |= {"separateur": ";"}
        if (fmt.encodage or "").lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
            yield _fault(loaded, "encodage", fmt.encodage, "utf-8")
    for key, value in expected.items():
        if getattr(fmt, key) != value:
            yield _fault(loaded, key, getattr(fmt, key), value)
    if isinstance(source, SourceDepot) and source.motif.lower().endswith((".part", ".tmp", ".filepart", "~")):
        message = "un fichier de ce nom est tenu pour inachevé, et laissé"
        yield loaded.violation(("source", "motif"), Problem.VALEUR_INVALIDE, message, "nommer le fichier entier")


def _fault(loaded: LoadedClause, key: str, found: object, wanted: object) -> Violation:
    kind = loaded.clause.source.type
    message = f"format.{key} : {found}, alors qu'une source {kind} de cette sorte donne {wanted}"
    return loaded.violation(("format", key), Problem.VALEUR_INVALIDE, message, f"écrire `{key}: {wanted}`")
