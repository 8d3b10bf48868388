"""What a clause may say of its source, and what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factory import HOST, Mini, points_clause
from pydantic import TypeAdapter, ValidationError

from qpv_data.clause.check import checked_clauses, unconfirmed
from qpv_data.clause.source import Source, SourceCommune, SourceHttp
from qpv_data.problems import InvalidDeclarationError

_ADAPTER: TypeAdapter[Any] = TypeAdapter(Source)
WFS = {"type": "wfs", "url": "https://d.example/wfs", "couche": "a:b", "crs": "EPSG:4326", "tri": "id"}
SFTP = {
    "type": "depot", "url": "sftp://d.example/in", "motif": "a-{periode}.csv", "ecriture": "stable",
    "secret": "QPV_SECRET_BAILLEUR", "cle_hote": "SHA256:" + "a" * 43,
}  # fmt: skip
EVERY: dict[str, dict[str, Any]] = {
    "http": {"url": "https://d.example/a.csv"},
    "opendatasoft": {"type": "opendatasoft", "domaine": "d.example", "jeu_de_donnees": "a", "export": "csv"},
    "datagouv": {"type": "datagouv", "jeu_de_donnees": "a", "ressource": "Titre *"},
    "dido": {"type": "dido", "fichier": "a", "millesime": "2025-01"},
    "wfs": {**WFS, "emprise": [-5, 41, 10, 51.5]},
    "gbfs": {"type": "gbfs", "url": "https://d.example/gbfs.json"},
    "depot": SFTP,
}
FORMATS: dict[str, dict[str, Any]] = {"wfs": {"type": "vecteur"}, "gbfs": {"type": "json", "racine": "stations"}}


def said(**keys: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        _ADAPTER.validate_python(keys)
    return str(caught.value)


def test_an_address_alone_is_a_file_over_http() -> None:
    assert isinstance(_ADAPTER.validate_python(EVERY["http"]), SourceHttp)


@pytest.mark.parametrize("kind", list(EVERY))
def test_every_type_has_an_address_that_holds_its_period(kind: str) -> None:
    declared: SourceCommune = _ADAPTER.validate_python(EVERY[kind])
    assert declared.adresse("jeu").startswith(("https://", "depot://jeu/"))
    slot = declared.A_PERIODE[0]
    text = getattr(declared, slot)
    keys = {**EVERY[kind], slot: text.replace("{periode}", "") + "{annee}-{trimestre}-{mois}"}
    by_period = _ADAPTER.validate_python(keys)
    assert by_period.par_periode
    assert "2024-3-03" in by_period.pour("2024-T3").adresse("jeu").replace("%2D", "-")


@pytest.mark.parametrize("url", [
    "https://moi:motdepasse@d.example/a", "https://d.example/a?token=abc", "https://d.example/a?b=1&api_key=abc",
])  # fmt: skip
def test_a_secret_does_not_stand_in_an_address(url: str) -> None:
    assert "un secret ne s'écrit pas dans une clause" in said(url=url)
    assert "un secret ne s'écrit pas dans une clause" in said(**{**EVERY["gbfs"], "url": url})


@pytest.mark.parametrize("variable", ["HOME", "AWS_SECRET_ACCESS_KEY", "hunter2", "QPV_SECRET_"])
def test_a_secret_is_the_name_of_a_variable_made_for_it(variable: str) -> None:
    assert "QPV_SECRET_" in said(url="https://d.example/a", secret=variable)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.1.2.3", "192.168.0.9", "[::1]", "a.localhost"])
def test_a_private_host_is_repeated_or_refused(host: str) -> None:
    assert "n'est pas une adresse publique" in said(url=f"http://{host}/a")
    bare = host.strip("[]")
    assert _ADAPTER.validate_python({"url": f"http://{host}/a", "hote_interne": bare}).hote_interne == bare


def test_the_addresses_of_cloud_metadata_are_never_read() -> None:
    assert "lien local" in said(url="http://169.254.169.254/latest", hote_interne="169.254.169.254")


@pytest.mark.parametrize(("keys", "words"), [
    ({"url": "https://d.example/a", "hote_interne": "autre"}, "répète l'hôte"),
    ({"url": "https://d.example/a", "secret_envoi": "jeton"}, "accompagnent `secret`"),
    ({"url": "https://d.example/a", "secret": "QPV_SECRET_A", "secret_envoi": "entete"}, "`secret_nom` accompagne"),
    ({"url": "https://d.example/{mois}-{jour}"}, "champ inconnu"),
    ({"url": "https://d.example:0/a"}, "port nul"),
    (WFS, "l'ordre des axes se vérifie"),
    ({**WFS, "emprise": [0, 0, 50, 50]}, "déclarer aussi `point_connu`"),
    ({**WFS, "emprise": [10, 41, -5, 51]}, "xmin, ymin, xmax, ymax"),
    ({**SFTP, "cle_hote": None}, "`cle_hote`"),
    ({**SFTP, "url": "sftp://moi:mdp@d.example/in"}, "ne s'écrit pas dans l'adresse"),
    ({**SFTP, "url": "file:///a/../b"}, "dépôt sftp"),
    ({"type": "depot", "url": "file:///a/../b", "motif": "a", "ecriture": "stable"}, "`..`"),
    ({"type": "depot", "url": "s3://seau/a", "motif": "a", "ecriture": "stable"}, "dépôt s3 déclare `secret`"),
    ({"type": "depot", "url": "file:///a", "motif": "../a", "ecriture": "stable"}, "motif"),
    ({"type": "ftp", "url": "ftp://d.example/a"}, "opendatasoft"),
])  # fmt: skip
def test_what_does_not_hold_together_is_said(keys: dict[str, Any], words: str) -> None:
    assert words in said(**keys)


@pytest.mark.parametrize("kind", list(EVERY))
def test_check_validates_each_type_and_lists_what_is_to_be_confirmed(tmp_path: Path, kind: str) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    source = {**EVERY[kind], "a_confirmer": True}
    slot = _ADAPTER.validate_python(source).A_PERIODE[0]
    source[slot] = f"{source[slot]}".replace("{periode}", "") + "{periode}"
    more = {"format": FORMATS[kind]} if kind in FORMATS else {}
    mini.declare(points_clause("points", source=source, **more))
    pending = unconfirmed(checked_clauses(mini.clauses))
    assert [v.fichier.endswith("points.yml") for v in pending] == [True]
    wrong = {"type": "xlsx"} if kind not in ("http", "datagouv", "depot") else None
    if wrong is not None:
        mini.declare(points_clause("points", source=source, format=wrong))
        with pytest.raises(InvalidDeclarationError) as caught:
            checked_clauses(mini.clauses)
        assert any("format.type : xlsx" in v.message for v in caught.value.violations)


def test_every_fault_of_a_source_is_told_with_its_line(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.declare(points_clause("points", source={"type": "wfs", "url": f"https://{HOST}/wfs", "page": 0}))
    with pytest.raises(InvalidDeclarationError) as caught:
        checked_clauses(mini.clauses)
    told = {v.message.split(" : ")[0] for v in caught.value.violations}
    assert told == {"source.couche", "source.crs", "source.tri", "source.page"}
