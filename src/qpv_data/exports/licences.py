"""The licences of the feeds behind a release, by the names and addresses that catalogues know."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from qpv_data.exports.folder import AudienceFolder

_OTHERS = re.compile(r"[^a-z0-9._-]+")
_KNOWN = {
    "Licence Ouverte 2.0": ("etalab-2.0", "https://www.etalab.gouv.fr/wp-content/uploads/2017/04/ETALAB-Licence-Ouverte-v2.0.pdf"),
    "Licence Ouverte 1.0": ("etalab-1.0", "https://www.etalab.gouv.fr/wp-content/uploads/2014/05/Licence_Ouverte.pdf"),
    "Licence Mobilités": ("mobility-licence", "https://wiki.lafabriquedesmobilites.fr/wiki/Licence_Mobilit%C3%A9s"),
    "ODbL 1.0": ("ODbL-1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
}  # fmt: skip


@dataclass(frozen=True)
class Licence:
    """A licence as clauses write it; `nom` and `adresse` are those of catalogues, when they know it. Otherwise the
    name is made from the title."""

    titre: str
    nom: str
    adresse: str | None


def used_clauses(folder: AudienceFolder) -> list[dict[str, Any]]:
    """Rows of `clauses`, by id: the feeds and perimeters that the release was made from."""
    return sorted(folder.table("clauses").to_pylist(), key=lambda r: str(r["clause"]))


def licences(folder: AudienceFolder) -> list[Licence]:
    """Every licence of the release's feeds once, by title."""
    titles = sorted({str(c["licence"]) for c in used_clauses(folder)})
    return [Licence(t, *_KNOWN.get(t, (plain_name(t), None))) for t in titles]


def plain_name(text: str) -> str:
    """Lower-case ASCII letters, digits, `.`, `_` and `-`: what catalogues take as a name. Accents are taken off."""
    bare = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("æ", "ae")).encode("ascii", "ignore").decode()
    return _OTHERS.sub("-", bare.lower()).strip("-") or "sans-nom"
