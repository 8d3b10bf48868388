"""Conforming a wide CSV, against DuckDB merely reading it: `python benchmarks/conform.py [--lignes 5000000]`.

A file of 40 columns is made (dates, codes, numbers with a decimal comma, quoted texts, masks, and a few faulty rows),
then, each in a fresh process: DuckDB copies it to Parquet, all texts (`duckdb textes`) or with the types that it
guesses (`duckdb types`); `conform` makes its typed Parquet, with keys, masks, domains, checks and rejected rows.
The ratio is over the faster of the two readings, round by round (`--tours`). Seconds leave out the imports; peak MB is
the whole process's.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

MASKS = {"s": "masque_producteur", "nd": "non_livree"}
DISTINCT = 200_000  # rows drawn; a longer file takes them again under other keys
_NONE = {"sans_objet": "banc"}
_PROMISES: dict[str, Any] = {
    "destinataires": [{"nom": "Banc", "role": "public"}],
    "partage": {"usages_interdits": ["réidentifier"], "reidentification": "interdite", "retransmission": "libre",
                "transmission_observatoire": False, "embargo_jours": 0},
    "base_legale": {"fondement": "open_data", "references": ["banc"]},
    "propriete_intellectuelle": {"titulaire": "banc", "mention": "banc"},
    "cout": {"montant_eur_par_an": 0, "a_la_charge_de": _NONE},
    "duree": {"statut": "licence_ouverte", "contrat": _NONE, "signee_le": _NONE, "debut": "2000-01-01", "fin": _NONE,
              "renouvellement": _NONE},
    "granularite": {"native": "commune", "livree": "commune", "generations": _NONE},
    "transfert": {"canal": "telechargement", "chiffrement": _NONE},
    "hebergement": {"hebergeur": "banc", "pays": ["FR"], "certification": _NONE, "journal_des_acces": True},
    "destruction": {"conservation_jours": {"brut": 1, "conforme": 1, "localise": 1, "rejets": 1},
                    "agregats": "conserves", "preuve": True},
    "securite": {"mesures": ["banc"], "habilitations": "banc", "incident_heures": 48},
    "gouvernance": {"comite": _NONE, "revue": _NONE, "charte_ethique": _NONE, "label": _NONE, "dpo": "banc",
                    "manquement": _NONE},
}  # fmt: skip
_WORDS = ("Résidence", "Les Tilleuls", "rue de l'Église", "bât. B", "étage 2", "logement T3", "chauffage collectif")


def columns() -> list[dict[str, Any]]:
    """The 40 columns, as a clause declares them."""
    made: list[dict[str, Any]] = [{"nom": "identifiant", "type": "texte", "motif": "L[0-9]{9}"}]
    made += [{"nom": "commune", "type": "texte", "completer": 5, "motif": "[0-9AB]{5}"}]
    made += [{"nom": f"code_{n}", "type": "texte"} for n in range(8)]
    made += [{"nom": "statut", "type": "texte", "valeurs": ["occupe", "vacant", "travaux"]}]
    made += [{"nom": f"date_{n}", "type": "date", "format_date": "%d/%m/%Y"} for n in range(4)]
    made += [{"nom": f"entier_{n}", "type": "entier", "minimum": 0} for n in range(8)]
    made += [{"nom": f"nombre_{n}", "type": "nombre"} for n in range(6)]
    made += [{"nom": f"masquable_{n}", "type": "nombre", "masques": MASKS} for n in range(3)]
    made += [{"nom": f"booleen_{n}", "type": "booleen"} for n in range(2)]
    made += [{"nom": f"texte_{n}", "type": "texte"} for n in range(6)]
    assert len(made) == 40
    return [{"source": c["nom"], **c} for c in made]


def tails(distinct: int) -> list[str]:
    """Everything but the key, of `distinct` rows."""
    draw = random.Random(7)

    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    def row() -> str:
        cells = [str(draw.randrange(1001, 95999))]
        cells += [f"C{draw.randrange(10**n)}" if draw.random() > 0.1 else "" for n in range(1, 9)]
        cells += [draw.choice(("occupe", "vacant", "travaux"))]
        cells += [
            f"{draw.randrange(1, 29):02}/{draw.randrange(1, 13):02}/{draw.randrange(1990, 2025)}"
            if draw.random() > 0.05
            else ""
            for _ in range(4)
        ]
        cells += [str(draw.randrange(10 ** draw.randrange(1, 7))) for _ in range(8)]
        cells += [f"{draw.random() * 10 ** draw.randrange(1, 6):.2f}".replace(".", ",") for _ in range(6)]
        cells += [draw.choice(("s", "nd")) if draw.random() < 0.1 else f"{draw.random():.3f}".replace(".", ",")
                  for _ in range(3)]  # fmt: skip
        cells += [draw.choice(("oui", "non")) for _ in range(2)]
        cells += [" ".join(draw.choices(_WORDS, k=2)) for _ in range(3)]
        cells += [quoted(" ; ".join(draw.choices(_WORDS, k=2))) for _ in range(2)]
        cells += [quoted('dit "' + draw.choice(_WORDS) + '"') if draw.random() < 0.2 else draw.choice(_WORDS)]
        return ";".join(cells)

    return [row() for _ in range(distinct)]


def lines(rows: int) -> Iterator[str]:
    """The file's lines; about one in ten thousand has a fault of each kind."""
    made = tails(min(rows, DISTINCT))
    for i in range(rows):
        line = f"L{i:09};{made[i % len(made)]}"
        fault = (i * 2_654_435_761) % 2**32 / 2**32 * 10_000
        if fault < 1:
            yield line + ";un champ de trop"
        elif fault < 2:
            yield line.replace(";", ';5" ', 1)  # a quote that opens nothing
        elif fault < 3:
            yield f"L{i - 1:09};{made[i % len(made)]}" if i else line  # a key that has been seen
        elif fault < 4:
            yield line.replace("/", "?")
        else:
            yield line


def generate(path: Path, rows: int) -> None:
    """Write the file, in UTF-8 with CRLF."""
    head = ";".join(c["nom"] for c in columns())
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        file.write(head + "\n")
        file.writelines(line + "\n" for line in lines(rows))


def clause() -> Any:
    """The feed's clause."""
    from qpv_data.clause.model import ClauseJeu

    indicator = {"id": "n", "titre": "n", "definition": "n", "unite": "logements", "nature": "compte",
                 "nature_temporelle": "stock", "decimales": 0}  # fmt: skip
    declared = {
        "id": "banc", "nature": "jeu", "version": "1", "titre": "Parc inventé", "theme": "logement",
        "principe": "donnees_interet_general", "producteur": {"nom": "Bailleur inventé", "categorie": "bailleur"},
        "finalites": {"mesurer": "mesurer"}, "diffusion": "interne", "licence": "aucune", **_PROMISES,
        "donnees_personnelles": {"presentes": False}, "couverture": {"france": True}, "periodicite": "ponctuelle",
        "echeance_jours": 0, "source": {"url": "https://donnees.example/banc"},
        "format": {"type": "csv", "encodage": "utf-8", "separateur": ";", "decimale": ","},
        "colonnes": columns(), "cle": {"colonnes": ["identifiant"], "doublons": "premier"},
        "controles": {"lignes_min": 1, "rejets_max": 0.01,
                      "lignes": [{"id": "c", "expression": "entier_0 >= 0", "gravite": "arreter"}]},
        "periode": {"origine": "fixe", "frequence": "A", "debut": "2024"},
        "localisation": {"mode": "code", "zonage": "commune", "colonne": "commune"},
        "secret": {"regime": "sans_objet", "justification": "banc"}, "indicateurs": [indicator],
    }  # fmt: skip
    return ClauseJeu.model_validate(declared)


def conformed(path: Path, folder: Path) -> int:
    """`conform`; the rows received."""
    from qpv_data.conform import conform

    feed = clause()
    start = time.perf_counter()
    report = conform(
        feed, path, periode=None, conformed=folder / "c.parquet", rejets=folder / "r.parquet", travail=folder / "t"
    )
    _said(time.perf_counter() - start, report.recues)
    return report.recues


def _duckdb(path: Path, folder: Path, more: str) -> None:
    import duckdb

    start = time.perf_counter()
    with duckdb.connect(config={"memory_limit": "2GiB"}) as con:
        con.execute(f"SET temp_directory = '{folder}'")
        con.execute(
            f"COPY (SELECT * FROM read_csv('{path}', delim = ';', quote = '\"', escape = '\"', header = true,"
            f" ignore_errors = true{more})) TO '{folder / 'd.parquet'}' (FORMAT parquet, COMPRESSION zstd)"
        )
        row = con.execute(f"SELECT count(*) FROM '{folder / 'd.parquet'}'").fetchone()
    _said(time.perf_counter() - start, row[0] if row else 0)


def _said(seconds: float, rows: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    said = {"secondes": seconds, "calcul": used.ru_utime + used.ru_stime, "lignes": rows, "mo": used.ru_maxrss / 1024}
    print(json.dumps(said))


ENGINES: dict[str, Callable[[Path, Path], object]] = {
    "duckdb textes": lambda path, folder: _duckdb(path, folder, ", all_varchar = true"),
    "duckdb types": lambda path, folder: _duckdb(path, folder, ", decimal_separator = ','"),
    "conform": conformed,
}


def measured(engine: str, path: Path) -> dict[str, float]:
    """One engine, in its own process and folder."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [sys.executable, __file__, "--moteur", engine, "--fichier", str(path), "--dossier", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def main() -> None:
    """Make the file when it is not there, run each engine, show the ratios."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--lignes", type=int, default=5_000_000)
    asked.add_argument("--tours", type=int, default=1)
    asked.add_argument("--moteur", choices=list(ENGINES))
    asked.add_argument("--seulement", nargs="*", choices=list(ENGINES), default=list(ENGINES))
    asked.add_argument("--fichier", type=Path)
    asked.add_argument("--dossier", type=Path, default=Path("data/bench"))
    given = asked.parse_args()
    if given.moteur:
        ENGINES[given.moteur](given.fichier, given.dossier)
        return
    path = given.fichier or given.dossier / f"conform-{given.lignes}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        generate(path, given.lignes)
    Console().print(shown(rounds(given.seulement, path, given.tours), f"{path.stat().st_size / 1e6:.0f} Mo"))


def rounds(engines: Sequence[str], path: Path, count: int) -> dict[str, list[dict[str, float]]]:
    """Each engine once a round, in another order each time: the machine is not the same from a minute to the next."""
    figures: dict[str, list[dict[str, float]]] = {engine: [] for engine in engines}
    for turn in range(count):
        shift = turn % len(engines)
        for engine in [*engines[shift:], *engines[:shift]]:
            figures[engine].append(measured(engine, path))
    return figures


def shown(figures: dict[str, list[dict[str, float]]], title: str) -> Table:
    """Medians of the rounds; ratios are worked out within each round, then their median and extremes shown."""
    count = len(next(iter(figures.values())))
    others = [runs for engine, runs in figures.items() if engine != "conform"]
    reference = [min((runs[n]["secondes"] for runs in others), default=float("nan")) for n in range(count)]
    table = Table("moteur", "lignes", "secondes", "rapport", "calcul s", "pic Mo", title=f"{title}, tours : {count}")
    for engine, runs in figures.items():
        ratios = sorted(run["secondes"] / least for run, least in zip(runs, reference, strict=True))
        spread = f" ({ratios[0]:.2f} à {ratios[-1]:.2f})" if count > 1 else ""
        seconds, work = (median(run[key] for run in runs) for key in ("secondes", "calcul"))
        table.add_row(
            engine, f"{runs[0]['lignes']:,.0f}", f"{seconds:.1f}", f"{median(ratios):.2f}{spread}", f"{work:.1f}",
            f"{max(run['mo'] for run in runs):.0f}",
        )  # fmt: skip
    return table


if __name__ == "__main__":
    main()
