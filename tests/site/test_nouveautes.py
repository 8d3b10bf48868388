"""What is new since the release before: the changes of the site's own quarters, their causes, and nothing else."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from factory import IN_A, IN_B, Mini, point
from publications_ecrites import Ecrite, Mesure, Quartier

from qpv_data.exports.folder import audience_folder
from qpv_data.site.build import Options, build

HERE = [Quartier(f"QN09900{n}A", f"Quartier {n}", ou=(2 + n * 0.01, 48.0)) for n in range(1, 4)]


def news(site: Path) -> str:
    page = (site / "index.html").read_text("utf-8")
    found = re.search(r'<h2 id="nouveau">.*?</section>', page, re.DOTALL)
    assert found is not None
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0])).replace("\u202f", " ").split())


def change(code: str, nature: str, cause: str | None, period: str = "2024-T4", **more: Any) -> dict[str, Any]:
    return {
        "publication": "2024-T4-r2", "publication_precedente": "2024-T4-r1", "indicateur": "taux", "modalite": "ensemble",
        "zonage": "qpv2024", "code_zone": code, "periode": period, "nature": nature, "cause": cause, **more,
    }  # fmt: skip


def written(tmp_path: Path, changes: list[dict[str, Any]]) -> str:
    release = Ecrite(
        HERE, [Mesure("taux", "Taux d'essai", "emploi")], lambda *_: 12.5, entieres={"changements": changes}
    )
    return news(release.site(tmp_path))


def test_changes_are_told_by_nature_cause_quarters_and_periods(tmp_path: Path) -> None:
    told = written(
        tmp_path,
        [
            change("QN099001A", "modifiee", "nouvelle_livraison", "2024-T3"),
            change("QN099001A", "modifiee", "nouvelle_livraison"),
            change("QN099002A", "modifiee", "nouvelle_livraison"),
            change("QN099003A", "cachee", "secret"),
        ],
    )
    assert "Depuis la publication 2024-T4-r1 :" in told
    assert (
        "3 valeurs corrigées dans 2 quartiers (3ᵉ trimestre 2024 – 4ᵉ trimestre 2024) : nouvelle livraison "
        "1 valeur désormais cachée dans 1 quartier (4ᵉ trimestre 2024) : protection d'autres chiffres"
    ) in told


def test_what_changed_in_quarters_that_the_site_does_not_show_is_not_its_news(tmp_path: Path) -> None:
    told = written(tmp_path, [change("QN099999Z", "modifiee", "nouvelle_livraison")])
    assert "Aucune valeur de ces quartiers n'a changé depuis la publication 2024-T4-r1." in told


def test_a_change_of_an_unknown_nature_or_cause_is_counted_and_nothing_is_invented(tmp_path: Path) -> None:
    told = written(
        tmp_path, [change("QN099001A", "deplacee", "une_autre_cause"), change("QN099001A", "deplacee", None)]
    )
    assert "1 changement dans 1 quartier (4ᵉ trimestre 2024) " in told
    assert "1 changement dans 1 quartier (4ᵉ trimestre 2024) : une autre cause" in told


def test_the_site_of_a_corrected_release_says_what_its_delivery_changed(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    for in_b in (0, 6):
        mini.points({"2024-T1": [point(f"a{n}", IN_A) for n in range(8)] + [point(f"b{n}", IN_B) for n in range(in_b)]})
        release = mini.run().release
        build(audience_folder(release.dossier, "ouvert"), tmp_path / "site", Options())
        if not in_b:
            assert "C'est la première publication" in news(tmp_path / "site")
    assert "1 valeur corrigée dans 1 quartier (1ᵉʳ trimestre 2024) : nouvelle livraison" in news(tmp_path / "site")


def test_feeds_that_lack_or_are_old_are_named_by_their_titles_and_their_periods_in_words(tmp_path: Path) -> None:
    said = {"jeux_absents": "jeu_taux, ailleurs", "jeux_perimes": "jeu_taux 2024-T3, jeu_taux 2024"}
    told = news(Ecrite(HERE, [Mesure("taux", "Taux d'essai")], lambda *_: 12.5, publication=said).site(tmp_path))
    assert "Il y manque : Taux d'essai ; ailleurs." in told
    assert "attendue : Taux d'essai, 3ᵉ trimestre 2024 ; Taux d'essai, 2024." in told
