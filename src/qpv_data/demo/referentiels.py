"""The territory's referentials, in the forms in which the official ones are published."""

from __future__ import annotations

from collections.abc import Sequence

from pyproj import Transformer

from qpv_data.demo.ecriture import archive, json_text, table
from qpv_data.demo.fichiers_geo import feature_collection, geopackage_iris, shapefile
from qpv_data.demo.geometrie import bounds, contains
from qpv_data.demo.territoire import (
    COMMUNES,
    CONTRATS,
    EPCI,
    IRIS,
    NOMS_COMMUNES,
    POPULATIONS,
    QPV2015,
    QPV2024,
    UNITES_URBAINES,
    Zone,
    epci_of,
)

_HOTE = "referentiels.brumeval.example"
PAS_CARREAU_M = 200


def referentials() -> dict[str, bytes]:
    """Path in the mirror to content."""
    return {
        f"{_HOTE}/qpv/qp-2015-lb93.zip": _qpv_2015(),
        f"{_HOTE}/qpv/qpv-2024-geojson.zip": _qpv_2024(),
        f"{_HOTE}/communes/communes-99.geojson": _communes_geojson(),
        f"{_HOTE}/cog/communes.json": _cog_communes(),
        f"{_HOTE}/cog/epci.json": _cog_epci(),
        f"{_HOTE}/contrats/contrats_de_ville.csv": _composition("code_cv", "nom_cv", CONTRATS),
        f"{_HOTE}/uu/unites_urbaines_2020.csv": _composition("UU2020", "LIBUU2020", UNITES_URBAINES),
        f"{_HOTE}/iris/iris-99.gpkg": geopackage_iris(IRIS),
        f"{_HOTE}/carreaux/carreaux_200m.zip": _carreaux(),
    }


def _qpv_2015() -> bytes:
    columns = {
        "CODE_QP": [z.code for z in QPV2015],
        "NOM_QP": [z.nom for z in QPV2015],
        "COMMUNE_QP": [", ".join(NOMS_COMMUNES[c] for c in z.communes) for z in QPV2015],
    }
    return archive(shapefile(QPV2015, columns, "QP_VALMORTE_LB93"))


def _qpv_2024() -> bytes:
    features = [
        (
            {
                "fid": float(n), "code_qp": z.code, "lib_qp": z.nom, "insee_reg": None, "lib_reg": "Région Imaginaire",
                "insee_dep": "99", "lib_dep": "Brume-Inférieure", "insee_com": ", ".join(z.communes),
                "lib_com": ", ".join(NOMS_COMMUNES[c] for c in z.communes),
                "siren_epci": ", ".join(epci_of(z.communes)),
            },
            z,
        )
        for n, z in enumerate(QPV2024, start=1)
    ]  # fmt: skip
    name = "QP2024_Valmorte_WGS84"
    return archive({f"GEOJSON/{name}.geojson": json_text(feature_collection(name, features))})


def _communes_geojson() -> bytes:
    return json_text(feature_collection("communes-99", [({"code": z.code, "nom": z.nom}, z) for z in COMMUNES]))


def _cog_communes() -> bytes:
    return json_text([
        {"code": z.code, "nom": z.nom, "typeLiaison": 0, "zone": "metro", "departement": "99", "region": "00",
         "type": "commune-actuelle", "siren": f"219900{z.code[2:]}", "population": POPULATIONS[z.code]}
        for z in COMMUNES
    ])  # fmt: skip


def _cog_epci() -> bytes:
    return json_text([
        {"code": e.code, "nom": e.nom, "type": e.nom[:2],
         "populationMunicipale": sum(POPULATIONS[c] for c in e.communes),
         "membres": [{"code": c, "siren": f"219900{c[2:]}", "nom": NOMS_COMMUNES[c],
                      "populationMunicipale": POPULATIONS[c]} for c in e.communes]}
        for e in EPCI
    ])  # fmt: skip


def _composition(code: str, nom: str, zones: Sequence[Zone]) -> bytes:
    return table((code, nom, "code_commune"), [(z.code, z.nom, c) for z in zones for c in z.communes])


def _carreaux() -> bytes:
    """The 200 m grid over the territory, in the manner of Filosofi: the CRS and the corner are in the id."""
    west, south, east, north = bounds([ring for c in COMMUNES for ring in c.rings])
    to_grid = Transformer.from_crs(2154, 3035, always_xy=True)
    es, ns = to_grid.transform([west, west, east, east], [south, north, south, north])
    size = PAS_CARREAU_M
    cells = [
        (e, n)
        for e in range(int(min(es)) // size * size, int(max(es)) + size, size)
        for n in range(int(min(ns)) // size * size, int(max(ns)) + size, size)
    ]
    xs, ys = Transformer.from_crs(3035, 2154, always_xy=True).transform(
        [e + size / 2 for e, _ in cells], [n + size / 2 for _, n in cells]
    )
    rows = []
    for (e, n), x, y in zip(cells, xs, ys, strict=True):
        point = (round(x), round(y))
        commune = next((z.code for z in COMMUNES if contains(z.rings, point)), None)
        if commune:
            ind = (e // size * 37 + n // size * 91) % 190
            rows.append((f"CRS3035RES200mN{n}E{e}", commune, str(ind), str((ind * 10) // 23)))
    return archive({"carreaux_200m.csv": table(("idcar_200m", "lcog_geo", "ind", "men"), rows, separateur=",")})
