"""One feed at a time: a clause from a few keys, bytes in, conformed records and rejected rows out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from promises import PROMISES

from qpv_data.clause.model import ClauseJeu
from qpv_data.conform import ConformReport, conform
from qpv_data.problems import FeedError, Problem

_REST: dict[str, Any] = {
    "id": "essai",
    "nature": "jeu",
    "version": "1",
    "titre": "Un jeu inventé",
    "theme": "essai",
    "principe": "donnees_publiques",
    "producteur": {"nom": "Service inventé", "categorie": "public"},
    "finalites": {"essai": "essayer"},
    **PROMISES,
    "diffusion": "ouvert",
    "licence": "etalab-2.0",
    "donnees_personnelles": {"presentes": False},
    "couverture": {"france": True},
    "periodicite": "ponctuelle",
    "echeance_jours": 0,
    "source": {"url": "https://donnees.example/essai"},
    "format": {"type": "csv", "encodage": "utf-8", "separateur": ";"},
    "periode": {"origine": "fixe", "frequence": "A", "debut": "2024"},
    "localisation": {"mode": "code", "zonage": "qpv2024", "colonne": "a"},
    "secret": {"regime": "sans_objet", "justification": "essai"},
    "controles": {"lignes_min": 1, "rejets_max": 1},
    "indicateurs": [
        {
            "id": "n",
            "titre": "n",
            "definition": "n",
            "unite": "lignes",
            "nature": "compte",
            "nature_temporelle": "stock",
            "decimales": 0,
        }
    ],
}


def column(name: str, kind: str = "texte", **more: Any) -> dict[str, Any]:
    """A column whose header is its own name."""
    return {"nom": name, "source": name, "type": kind, **more}


def clause(columns: Sequence[Mapping[str, Any]], *, key: str = "a", doubles: str = "premier", **more: Any) -> ClauseJeu:
    """A feed of these columns; `more` replaces any key of the clause, and adds to `format`."""
    fmt = {**_REST["format"], **more.pop("format", {})}
    cle = {"colonnes": key.split(), "doublons": doubles}
    return ClauseJeu.model_validate({**_REST, "colonnes": list(columns), "cle": cle, **more, "format": fmt})


@dataclass(frozen=True)
class Conformed:
    """What came out: the report, the records and the rejected rows, both in the order of their lines."""

    report: ConformReport
    records: list[dict[str, Any]]
    rejects: list[dict[str, Any]]
    folder: Path

    def values(self, name: str) -> list[Any]:
        """A column of the records."""
        return [r[name] for r in self.records]

    def reasons(self) -> list[tuple[int, str, str | None, str | None]]:
        """(line, reason, column, value) of each rejected row."""
        return [(r["_ligne"], r["motif"], r["colonne"], r["valeur"]) for r in self.rejects]


def conformed(feed: ClauseJeu, data: bytes, folder: Path, periode: str | None = None) -> Conformed:
    """Conform `data` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "livraison"
    source.write_bytes(data)
    good, bad = folder / "conformed" / "e.parquet", folder / "rejets" / "e.parquet"
    report = conform(
        feed, source, periode=periode, conformed=good, rejets=bad, travail=folder / "travail", cles=folder / "cles"
    )
    assert list((folder / "travail").iterdir()) == [], "nothing is left of the work"
    return Conformed(report, pq.read_table(good).to_pylist(), pq.read_table(bad).to_pylist(), folder)


@contextmanager
def refused(problem: Problem, *words: str) -> Iterator[None]:
    """The feed is refused for `problem`, and its message holds `words`."""
    with pytest.raises(FeedError) as caught:
        yield
    assert caught.value.probleme is problem
    assert caught.value.jeu == "essai"
    assert caught.value.remede
    for word in words:
        assert word in caught.value.message
