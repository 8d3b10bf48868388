"""What every export says of itself: what it is, of which release, for whom, under which licences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.licences import licences

HIDDEN = (
    "« secret » : la valeur existe et nous la cachons, pour elle-même (trop peu de personnes ou d'établissements) ou"
    " parce qu'elle en donnerait une autre. Rien ne distingue les deux cas.",
    "Les autres absences sont dites en mots : cachée par son producteur, non livrée, non significative, sans objet.",
    "Un zéro est un vrai zéro. Une case vide ou en mots n'est jamais un zéro : ne pas l'additionner.",
    "Les deux générations de quartiers (2015 et 2024) décrivent les mêmes habitants : ne pas les additionner.",
)


def sections(folder: AudienceFolder, what: str, files: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """(title, lines) of each part. `files`: (name, what it holds) of what comes with it."""
    publication = folder.publication()
    absent = [publication[k] for k in ("jeux_absents", "jeux_perimes")]
    missing = [f"Jeux absents : {absent[0]}"] if absent[0] else []
    missing += [f"Jeux dont la dernière bonne livraison tient lieu : {absent[1]}"] if absent[1] else []
    return [
        (
            what,
            [
                f"Publication : {publication['publication']}, du {publication['publiee_le']:%d/%m/%Y}",
                f"Diffuseur : {publication['diffuseur']}",
                f"Dernier trimestre : {publication['periode']}",
                f"Public : {publication['diffusion']}. {folder.warning()}",
            ],
        ),
        ("Contenu", [f"{name} : {content}" for name, content in files]),
        ("Valeurs cachées ou absentes", list(HIDDEN)),
        *([("Jeux manquants", missing)] if missing else []),
        (
            "Licences des jeux",
            [f"{x.titre} ({x.adresse})" if x.adresse else x.titre for x in licences(folder)]
            + ["La licence de chaque indicateur est dans la liste des indicateurs."],
        ),
    ]


def write_text(parts: Sequence[tuple[str, list[str]]], sink: BinaryIO) -> None:
    """As a text that Notepad opens right: UTF-8 with a BOM, CRLF."""
    lines: list[str] = []
    for n, (title, content) in enumerate(parts):
        lines += ([""] if n else []) + [title, ("=" if n == 0 else "-") * len(title), *content]
    sink.write(b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode())
