"""The national feeds, each on a file of its real header with the traps that are listed for it, through every stage.

What becomes of each row, and the values, were worked out by hand from the fixtures.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from factory import Mini
from flux_nationaux import FEEDS, FILES, SHIPPED, add, as_parquet, content, moved, read, rows_of, territory
from regles_primaires import Key, Row, hidden_around, primary, published

from qpv_data import tables
from qpv_data.clause.check import checked_clauses
from qpv_data.clause.load import read_clause
from qpv_data.conform import conform
from qpv_data.problems import FeedError, Problem
from qpv_data.resources import referentials_dir

A, B, C = "QN09901A", "QN09902B", "QN09903C"
OLD_A, OLD_B = "QP099001", "QP099002"
SECRET, MASKED, NOTHING, UNKNOWN, DOUBTFUL = "secret", "masque_producteur", "sans_objet", "non_livree", "non_significative"  # fmt: skip
OUT = "dehors"
HERE = tuple(f for f in FEEDS if f != "rna_associations")  # whose addresses a geocoder places: see test_rna.py


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    made = territory(tmp_path_factory.mktemp("nationaux"))
    for ident in HERE:
        add(made, ident)
    report = made.run(periode="2025-T4")
    assert [(p.jeu, p.erreur) for p in report.places if p.erreur] == []
    return made


# Line → what it becomes: a quarter, `dehors`, why its place is unknown, or (in capitals' place) `rejet:` and why.
FATES: dict[str, list[str]] = {
    "bpe_equipements": [
        A, A, OUT, A, "qualite_insuffisante", "coordonnees_absentes", "coordonnees_nulles", "hors_couverture",
        "rejet:valeur_hors_domaine:an", "rejet:valeur_hors_domaine:type_equipement", "epsg_absent", C,
    ],
    "sirene_etablissements": [
        A, A, A, A, A, "coordonnees_absentes", "coordonnees_absentes", "rejet:cle_en_double:siret", B, B,
        "rejet:valeur_hors_domaine:etat", "rejet:valeur_hors_domaine:siret", "hors_couverture",
    ],
    "sirene_geolocalisation": [
        *([A] * 7), "qualite_insuffisante", C, "coordonnees_absentes", "epsg_absent", "rejet:cle_en_double:siret",
        "rejet:valeur_hors_domaine:siret", "hors_couverture",
    ],
    "ban_adresses": [
        A, A, A, "rejet:cle_en_double:id", "coordonnees_absentes", B, "rejet:valeur_obligatoire_absente:code_commune",
        "axes_inverses",
    ],
    "annuaire_education": [
        A, OUT, C, C, "qualite_insuffisante", A, A, OUT, "epsg_absent", "rejet:valeur_hors_domaine:etat", A, C,
        "rejet:cle_en_double:uai",
    ],
    "filosofi_carreaux": [
        A, B, C, OUT, "hors_couverture", "rejet:cle_en_double:carreau", "rejet:cle_en_double:carreau",
        "rejet:valeur_hors_domaine:carreau", "rejet:valeur_obligatoire_absente:impute",
    ],
    "rpls_logements": [
        *([A] * 12), B, "coordonnees_nulles", "hors_couverture", "coordonnees_absentes", "rejet:valeur_hors_domaine:dpe",
        "rejet:valeur_obligatoire_absente:code_commune", A,
    ],
    "irve_points_de_charge": [
        A, A, A, "rejet:cle_en_double:id_pdc", "coordonnees_nulles", "qualite_insuffisante", OUT,
        "coordonnees_absentes", "axes_inverses", "rejet:valeur_illisible:puissance_kw", "rejet:valeur_illisible:gratuit",
        "rejet:valeur_obligatoire_absente:id_pdc",
    ],
    "data_es_equipements": [
        A, A, A, OUT, "coordonnees_absentes", "rejet:cle_en_double:equipement", "rejet:valeur_illisible:acces_libre", C,
        "rejet:valeur_obligatoire_absente:installation",
    ],
    "finess_etablissements": [
        A, A, C, "hors_couverture", "hors_couverture", "epsg_absent", OUT, "rejet:cle_en_double:finess",
        "rejet:valeur_hors_domaine:commune_fin", "coordonnees_absentes", B,
    ],
    "france_services": [
        A, "qualite_insuffisante", OUT, "coordonnees_absentes", C, "rejet:cle_en_double:id",
        "rejet:valeur_obligatoire_absente:code_commune",
    ],
    "anct_qpv2024": [A, B, "rejet:cle_en_double:code_qp", C, "rejet:valeur_hors_domaine:code_qp"],
    "demandeurs_emploi_qpv2024": [
        A, B, C, "rejet:ligne_de_total", "code_inconnu", "rejet:valeur_hors_domaine:code_qp",
    ],
    **{
        f"ips_{level}": [
            "99001", "99001", "99002", "99002", "99003", "code_inconnu", "rejet:cle_en_double:uai",
            "rejet:cle_en_double:uai", "rejet:valeur_hors_domaine:ips", "rejet:valeur_illisible:ips",
            "rejet:valeur_obligatoire_absente:code_commune",
        ]
        for level in ("ecoles", "colleges", "lycees")
    },
    "ssmsi_delinquance_commune": [
        "99001", "99001", "99002", "99003", "99001", "99001", "99002", "rejet:valeur_illisible:annee",
        "rejet:valeur_illisible:nombre", "rejet:cle_en_double:code_commune", "rejet:cle_en_double:code_commune",
        "code_inconnu",
    ],
    "caf_quotient_familial": [
        *(["990010101"] * 3), *(["990010102"] * 2), "990020000", "code_inconnu",
        "rejet:valeur_obligatoire_absente:numirisd", "rejet:valeur_hors_domaine:numirisd", "990020000",
    ],
    "caf_rsa": ["990010101", "990010101", "990010102", "990020000", "rejet:valeur_illisible:date_reference"],
    "caf_aides_logement": ["990010101", "990010101", "990020000", "010010000", "rejet:valeur_hors_domaine:foyers"],
    # One row a measure: six of each row of the file.
    "insee_revenus_2021": [*([OLD_A] * 6), *([OLD_B] * 6), *(["code_inconnu"] * 5), "rejet:valeur_illisible:valeur",
                           *(["rejet:ligne_de_total"] * 6)],
    # One row a mutation, in the order of their numbers as texts: 1, 10, 11, … 16, 2, …
    "dvf_mutations": [*([A] * 6), "coordonnees_absentes", "rejet:valeur_hors_domaine:nature_mutation", *([A] * 8)],
}  # fmt: skip


def fates(made: Mini, ident: str) -> list[str]:
    """What became of each row, in the order of the file."""
    found: list[tuple[int, str]] = []
    for path in sorted((made.out / "located" / ident).glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            inside = [row[z] for z in ("qpv2024", "qpv2015", "iris", "commune") if row.get(z) is not None]
            place = {"dedans": inside[0] if inside else "?", "dehors": OUT}
            found.append((row["_ligne"], place.get(row["localisation"]) or row["localisation_motif"]))
    for path in sorted((made.out / "rejets" / ident).glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            said = [str(row[k]) for k in ("motif", "colonne") if row[k] is not None]
            found.append((row["_ligne"], ":".join(["rejet", *said])))
    return [fate for _, fate in sorted(found, key=lambda f: f[0])]


@pytest.mark.parametrize("ident", sorted(FATES))
def test_every_row_is_a_record_somewhere_or_is_refused_for_its_reason(mini: Mini, ident: str) -> None:
    assert fates(mini, ident) == FATES[ident]


def test_no_feed_with_a_file_is_left_untried() -> None:
    assert set(FATES) == {f for f in HERE if read(f)["nature"] == "jeu"}


MASKS: dict[str, dict[str, int]] = {
    "sirene_etablissements": {"x__statut=masque_producteur": 2, "y__statut=masque_producteur": 2},
    "ips_ecoles": {"ips__statut=non_significative": 1},
    "ssmsi_delinquance_commune": {"nombre__statut=masque_producteur": 1},
    "caf_quotient_familial": {"foyers__statut=masque_producteur": 1},
    "insee_revenus_2021": {
        "valeur__statut=masque_producteur": 2, "valeur__statut=non_significative": 1, "valeur__statut=non_livree": 1,
        "valeur__statut=sans_objet": 1,
    },
    "demandeurs_emploi_qpv2024": {
        "abc__statut=masque_producteur": 1, "abc_f__statut=masque_producteur": 1, "abc_25__statut=masque_producteur": 2,
        "abc_an__statut=masque_producteur": 1, "abc_an__statut=non_livree": 1,
        "abc_infcapbep__statut=masque_producteur": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("ident", sorted(MASKS))
def test_a_producer_s_mask_is_a_status_and_never_a_zero(mini: Mini, ident: str) -> None:
    rows = [r for p in (mini.out / "conformed" / ident).glob("*.parquet") for r in pq.read_table(p).to_pylist()]
    found = Counter(f"{k}={v}" for r in rows for k, v in r.items() if k.endswith("__statut") and v)
    assert found == MASKS[ident]
    assert all(
        r[k.removesuffix("__statut")] is None for r in rows for k, v in r.items() if k.endswith("__statut") and v
    )


# (indicator, zone, modality, period: the only one of its feed when empty) → value, or why there is none.
VALUES: dict[tuple[str, str, str, str], float | str] = {
    ("bpe_equipements", A, "", ""): 3, ("bpe_equipements", A, "d_d", ""): 2, ("bpe_equipements", A, "d_b", ""): 1,
    ("bpe_equipements", B, "", ""): 0, ("bpe_equipements", C, "", ""): 1, ("bpe_medecins_generalistes", A, "", ""): 2,
    ("bpe_medecins_generalistes", "99002", "", ""): 1, ("bpe_medecins_pour_10000", A, "", ""): 16.7,
    ("bpe_medecins_pour_10000", OLD_A, "", ""): 20, ("bpe_pharmacies_500m", A, "", ""): 1,
    ("bpe_pharmacies_500m", B, "", ""): 1, ("bpe_pharmacies_500m", C, "", ""): 0, ("bpe_commerces", A, "", ""): 1,
    ("bpe_part_position_precise", A, "", ""): 100, ("bpe_part_position_precise", C, "", ""): 0,
    ("sirene_etablissements_actifs", A, "", ""): 4, ("sirene_etablissements_actifs", B, "", ""): SECRET,
    ("sirene_etablissements_actifs", "99001", "", ""): 5, ("sirene_creations_annee", A, "", ""): SECRET,
    ("sirene_taux_creation", A, "", ""): SECRET, ("sirene_commerces_proximite", A, "", ""): 3,
    ("sirene_etablissements_pour_1000", A, "", ""): 3.3, ("sirene_etablissements_pour_1000", OLD_A, "", ""): 4,
    ("sirene_geo_etablissements", A, "", ""): 7, ("sirene_geo_etablissements", C, "", ""): SECRET,
    ("sirene_geo_part_sure", A, "", ""): 57.1, ("sirene_geo_part_quartier_sur", A, "", ""): 57.1,
    # Ten flats at 101 000, 102 000… 110 000 and one at 150 000, of 50 m² each: 1 205 000 / 550.
    ("dvf_ventes_logements", A, "", ""): 12, ("dvf_ventes_logements", "99001", "", ""): 13,
    ("dvf_prix_m2_appartements", A, "", ""): 2191, ("dvf_prix_m2_maisons", A, "", ""): NOTHING,
    ("dvf_ventes_vefa", A, "", ""): SECRET,
    ("ban_adresses", A, "", ""): 3, ("ban_adresses", B, "", ""): 1, ("ban_part_certifiees", A, "", ""): 66.7,
    ("ban_part_certifiees", B, "", ""): NOTHING, ("ban_part_entree", A, "", ""): 66.7,
    ("education_etablissements", A, "", ""): 2, ("education_etablissements", C, "", ""): 3,
    ("education_etablissements", C, "college", ""): 2, ("education_sites", A, "", ""): 2,
    ("education_sites", C, "", ""): 2, ("education_ecoles_100m", A, "", ""): 3, ("education_ecoles_100m", B, "", ""): 0,
    ("education_colleges_300m", A, "", ""): 1, ("education_colleges_300m", B, "", ""): 1,
    ("education_colleges_300m", C, "", ""): 2, ("education_part_prioritaire", A, "", ""): 50,
    ("education_part_prioritaire", C, "", ""): 0,
    **{(f"ips_{n}_moyen", z, "", y): v for n, y in (("ecoles", "2022"), ("colleges", "2023"), ("lycees", "2023"))
       for z, v in (("99001", 100.0), ("99002", DOUBTFUL), ("99003", 90.0))},
    **{(f"ips_{n}_publies", "99002", "", y): 2 for n, y in (("ecoles", "2022"), ("colleges", "2023"), ("lycees", "2023"))},
    ("carreaux_population", A, "", ""): 100, ("carreaux_population", B, "", ""): SECRET,
    ("carreaux_population", C, "", ""): 60, ("carreaux_menages", A, "", ""): 40,
    ("carreaux_part_menages_pauvres", A, "", ""): 40, ("carreaux_part_monoparentales", A, "", ""): 30,
    ("carreaux_part_une_personne", A, "", ""): 35, ("carreaux_part_cinq_personnes", A, "", ""): SECRET,
    ("carreaux_part_proprietaires", A, "", ""): 30, ("carreaux_part_moins_18_ans", A, "", ""): 25,
    ("carreaux_part_65_ans_plus", A, "", ""): 15, ("carreaux_niveau_de_vie_moyen", A, "", ""): 15000,
    ("carreaux_surface_par_menage", A, "", ""): 60, ("carreaux_part_logements_sociaux", A, "", ""): 50,
    ("carreaux_part_imputee", A, "", ""): 0, ("carreaux_part_imputee", B, "", ""): SECRET,
    ("insee_niveau_de_vie_median", OLD_A, "", ""): 13790, ("insee_niveau_de_vie_median", OLD_B, "", ""): DOUBTFUL,
    ("insee_niveau_de_vie_d1", OLD_A, "", ""): 8620, ("insee_niveau_de_vie_d1", OLD_B, "", ""): MASKED,
    ("insee_niveau_de_vie_d9", OLD_A, "", ""): 22860, ("insee_niveau_de_vie_d9", OLD_B, "", ""): UNKNOWN,
    ("insee_rapport_interdecile", OLD_A, "", ""): 2.7, ("insee_rapport_interdecile", OLD_B, "", ""): NOTHING,
    ("insee_taux_pauvrete", OLD_A, "", ""): 38.9, ("insee_taux_pauvrete", OLD_B, "", ""): MASKED,
    ("insee_part_prestations_sociales", OLD_B, "", ""): 18.5, ("insee_taux_pauvrete", A, "", ""): NOTHING,
    ("anct_population_2024", A, "", ""): 1200, ("anct_population_2024", B, "", ""): 1500,
    ("anct_indice_jeunesse", A, "", ""): 1.2, ("anct_indice_jeunesse", B, "", ""): MASKED,
    ("anct_part_etrangers", A, "", ""): 27.8, ("anct_part_menages_une_personne", A, "", ""): 46.5,
    ("anct_taux_emploi", A, "", ""): 48.8, ("anct_taux_pauvrete_2024", A, "", ""): 46,
    ("anct_logements_sociaux", C, "", ""): 900, ("anct_personnes_caf_pour_100", A, "", ""): 50,
    ("anct_personnes_caf_pour_100", B, "", ""): MASKED,
    ("rpls_logements", A, "", ""): 13, ("rpls_logements", B, "", ""): SECRET,
    # Eleven dwellings of 60, 60… nine of 60, two of 40, one of 50; the surface of one is null.
    ("rpls_surface_moyenne", A, "", ""): 55.8, ("rpls_part_dpe_f_g", A, "", ""): SECRET,
    ("rpls_part_sans_dpe", A, "", ""): SECRET, ("rpls_part_avant_1975", A, "", ""): SECRET,
    ("caf_foyers_quotient", "990010101", "", "2023"): 95, ("caf_foyers_quotient", "990010102", "", "2023"): MASKED,
    ("caf_foyers_quotient", "990020000", "", "2022"): 10,
    ("caf_foyers_quotient_moins_400", "990010101", "", "2023"): 25,
    ("caf_foyers_quotient_moins_400", "990020000", "", "2023"): 12, ("caf_foyers_rsa", "990010101", "", "2023"): 40,
    ("caf_foyers_rsa", "990010102", "", "2023"): MASKED, ("caf_foyers_aide_logement", "990010101", "", "2023"): 80,
    ("caf_foyers_aide_logement", "010010000", "", "2023"): 12,
    ("caf_foyers_aide_logement", "990020000", "", "2023"): MASKED, ("caf_foyers_rsa", A, "", "2023"): NOTHING,
    ("demandeurs_emploi_2024", A, "", ""): 120, ("demandeurs_emploi_2024", B, "", ""): MASKED,
    ("demandeurs_emploi_2024_part_femmes", A, "", ""): 50, ("demandeurs_emploi_2024_part_femmes", C, "", ""): 45,
    ("demandeurs_emploi_2024_part_moins_26_ans", A, "", ""): 15,
    ("demandeurs_emploi_2024_part_moins_26_ans", C, "", ""): MASKED,
    ("demandeurs_emploi_2024_part_un_an", A, "", ""): 40, ("demandeurs_emploi_2024_part_un_an", C, "", ""): UNKNOWN,
    ("demandeurs_emploi_2024_part_cap_bep", A, "", ""): 45, ("demandeurs_emploi_2024_pour_100", A, "", ""): 10,
    ("demandeurs_emploi_2024_pour_100", B, "", ""): MASKED,
    ("irve_points_de_charge", A, "", ""): 3, ("irve_points_pour_1000", A, "", ""): 2.5,
    ("irve_points_pour_1000", OLD_A, "", ""): 3, ("irve_stations_300m", A, "", ""): 3,
    # 22, 7 400 W and 50: 79.4 / 3.
    ("irve_stations_300m", B, "", ""): 1, ("irve_puissance_moyenne", A, "", ""): 26.5,
    ("ssmsi_cambriolages", "99001", "", "2024"): 10, ("ssmsi_cambriolages", "99001", "", "2023"): 8,
    ("ssmsi_cambriolages", "99002", "", "2024"): MASKED, ("ssmsi_cambriolages", "99003", "", "2024"): 0,
    ("ssmsi_coups_et_blessures", "99001", "", "2024"): 12, ("ssmsi_degradations", "99002", "", "2024"): 6,
    ("ssmsi_cambriolages_pour_1000", "99001", "", "2024"): 2.5,
    ("ssmsi_cambriolages_pour_1000", "99002", "", "2024"): MASKED, ("ssmsi_cambriolages", A, "", "2024"): NOTHING,
    ("sport_equipements", A, "", ""): 3, ("sport_installations", A, "", ""): 2,
    ("sport_equipements_acces_libre", A, "", ""): 2, ("sport_equipements_500m", A, "", ""): 4,
    ("sport_equipements_500m", C, "", ""): 1, ("sport_equipements_pour_1000", A, "", ""): 2.5,
    ("finess_etablissements", A, "", ""): 2, ("finess_etablissements", B, "", ""): 1, ("finess_pharmacies", A, "", ""): 1,
    ("finess_centres_de_sante", A, "", ""): 1, ("finess_centres_de_sante", C, "", ""): 1,
    ("finess_etablissements_500m", A, "", ""): 4,
    ("france_services_structures", A, "", ""): 1, ("france_services_structures", C, "", ""): 1,
    ("france_services_500m", A, "", ""): 2, ("france_services_500m", C, "", ""): 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def primaires(mini: Mini, tmp_path_factory: pytest.TempPathFactory) -> dict[Key, Row]:
    return primary(mini.out, mini.clauses, mini.now.date(), tmp_path_factory.mktemp("primaires"))


def test_values_are_those_worked_out_by_hand(primaires: dict[Key, Row]) -> None:
    """Before anything is hidden around them."""
    found: dict[tuple[str, str, str, str], float | str] = {}
    for (name, zoning, zone, period, modality), row in sorted(primaires.items(), key=lambda item: item[0][3]):
        if zoning != "non_localise":
            said = row.valeur if row.valeur is not None else row.diffusion
            shortened = "" if modality == "ensemble" else modality
            told = said if said != "diffusee" else row.observation
            found[name, zone, shortened, period] = found[name, zone, shortened, ""] = told
    assert {k: found[k] for k in VALUES if found[k] != VALUES[k]} == {}


def test_what_is_published_is_that_less_what_is_hidden_around_small_cells(
    mini: Mini, primaires: dict[Key, Row]
) -> None:
    around = hidden_around(primaires, published(mini.out / "qpv.duckdb"))
    assert ("sirene_etablissements_actifs", "commune", "99001") in {key[:3] for key in around}


def test_every_indicator_of_a_national_feed_is_tried() -> None:
    declared = {i["id"] for f in HERE for i in read(f).get("indicateurs", ())}
    assert declared == {name for name, _, _, _ in VALUES}


def test_what_secrecy_hides_was_counted_right(mini: Mini) -> None:
    sums = {}
    for feed, name in (("rpls_logements", "rpls_part_dpe_f_g"), ("rpls_logements", "rpls_part_sans_dpe"),
                       ("rpls_logements", "rpls_part_avant_1975"), ("sirene_etablissements", "sirene_taux_creation")):  # fmt: skip
        table = pq.read_table(mini.out / "aggregated" / feed / f"{name}.parquet").to_pylist()
        cell = next(r for r in table if r["code_zone"] == A and r["modalite"] == "ensemble")
        sums[name] = (int(cell["somme_numerateur"]), int(cell["somme_denominateur"]))
    assert sums == {
        "rpls_part_dpe_f_g": (3, 11), "rpls_part_sans_dpe": (2, 13), "rpls_part_avant_1975": (9, 12),
        "sirene_taux_creation": (2, 4),
    }  # fmt: skip


def test_arrondissements_are_their_commune_and_lost_zeros_are_found(mini: Mini) -> None:
    codes = {
        ident: {r["code_commune"] for p in (mini.out / "conformed" / ident).glob("*.parquet")
                for r in pq.read_table(p, columns=["code_commune"]).to_pylist()}
        for ident in ("bpe_equipements", "ips_ecoles", "rpls_logements", "ssmsi_delinquance_commune")
    }  # fmt: skip
    assert all("75056" in codes[i] for i in ("bpe_equipements", "ips_ecoles", "rpls_logements"))
    assert not any(c and c.startswith("751") for listed in codes.values() for c in listed)
    assert {"01004"} < codes["rpls_logements"]
    assert {"01001"} < codes["ssmsi_delinquance_commune"]


def test_names_are_written_nowhere(mini: Mini) -> None:
    for path in (p for p in mini.out.rglob("*") if p.is_file() and "raw" not in p.relative_to(mini.out).parts):
        assert b"Nom invent" not in path.read_bytes(), path


@pytest.mark.parametrize("ident", FEEDS)
def test_the_file_bears_every_header_that_the_clause_reads_and_asks_for(ident: str) -> None:
    header = list(rows_of(ident)[0])
    source = read(ident)["source"]
    asked = source.get("selection") or source.get("champs")
    assert asked is None or header == asked
    assert len(rows_of(ident)) <= 20
    assert len(content(ident)) > 0


@pytest.mark.parametrize(
    ("ident", "data"),
    [
        ("ssmsi_delinquance_commune", content("ssmsi_delinquance_commune").replace(b"CODGEO_2026", b"CODGEO_2027")),
        # The legacy file of FINESS has no header: its first line is a record of one of its two types.
        ("finess_etablissements", b"structureet;990000001;;Nom\ngeolocalisation;990000001;600400;6600400;1;2024\n"),
    ],
)
def test_a_file_of_another_year_or_of_the_old_format_is_refused_at_its_header(
    tmp_path: Path, ident: str, data: bytes
) -> None:
    loaded, _ = read_clause(SHIPPED[ident])
    assert loaded is not None
    delivery = tmp_path / "livraison"
    delivery.write_bytes(data)
    with pytest.raises(FeedError) as caught:
        conform(
            loaded.clause, delivery, periode=None, conformed=tmp_path / "c", rejets=tmp_path / "r", travail=tmp_path
        )
    assert caught.value.probleme is Problem.ENTETE_INATTENDU


def test_the_catalogue_holds_thirty_feeds_and_sixty_indicators_with_every_field() -> None:
    clauses = checked_clauses(referentials_dir() / "clauses")
    assert len(clauses.jeux) >= 30
    whole = set()
    for clause, i in clauses.indicateurs():
        row = tables.indicator_row(clause, i)
        said = ("titre", "definition", "unite", "nature", "nature_temporelle", "regime_secret", "reserve")
        counted = i.nature == "compte" or row["numerateur"] or i.par
        divided = i.nature not in ("part", "taux") or row["denominateur"]
        if all(row[k] for k in said) and counted and divided:
            whole.add(i.id)
    assert len(whole) >= 60


def test_a_reader_is_warned_of_what_each_national_figure_is_not() -> None:
    assert [i["id"] for f in FEEDS for i in read(f).get("indicateurs", ()) if not i.get("reserve")] == []


def test_parquet_fixtures_are_written_with_the_types_of_their_producer() -> None:
    assert as_parquet([{"x": "1.5", "epsg": "2154"}, {"x": "", "epsg": ""}])[:4] == b"PAR1"
    assert moved("bpe_equipements")["format"] == {"type": "parquet"}
    assert FILES.is_dir()
