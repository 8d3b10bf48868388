"""`qpv-data ventiler` and `qpv-data longueurs`: estimates and lengths, zone by zone, outside of any clause."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from qpv_data.areas.points import Points
    from qpv_data.areas.rejects import Ecartees
    from qpv_data.areas.zones import Cibles

_Fichier = Annotated[
    Path, typer.Argument(help="Parquet, GeoParquet, CSV, GeoJSON, GeoPackage, shapefile, ou leur archive.")
]
_Zones = Annotated[Path | None, typer.Option("--zones", help="Fichier de polygones, avec --code.")]
_Code = Annotated[str | None, typer.Option("--code", help="Colonne des codes de --zones.")]
_Zonage = Annotated[str | None, typer.Option("--zonage", help="Zonage d'une exécution (qpv2024…), avec --zonages.")]
_Zonages = Annotated[Path | None, typer.Option("--zonages", help="Dossier --out d'une exécution, ou ses zonages.")]
_ZonesCrs = Annotated[str | None, typer.Option("--zones-crs", help="Système de --zones, si le fichier n'en dit rien.")]
_Crs = Annotated[str | None, typer.Option("--crs", help="Système de FICHIER, s'il n'en dit rien (EPSG:2154).")]
_Sortie = Annotated[Path, typer.Option("-o", "--sortie", help="Parquet à écrire, une ligne par zone.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")]
_Json = Annotated[bool, typer.Option("--json", help="Écrire les totaux en JSON sur la sortie standard.")]


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("ventiler")(ventiler)
    app.command("longueurs")(longueurs)


def ventiler(
    fichier: _Fichier,
    sortie: _Sortie,
    zones: _Zones = None,
    code: _Code = None,
    zonage: _Zonage = None,
    zonages: _Zonages = None,
    zones_crs: _ZonesCrs = None,
    carreau: Annotated[
        str | None, typer.Option("--carreau", help="Colonne des identifiants de carreaux Insee ; sinon, les polygones.")
    ] = None,
    crs: _Crs = None,
    extensif: Annotated[
        list[str] | None, typer.Option("--extensif", help="Colonne qui s'additionne, à partager. Répétable.")
    ] = None,
    ratio: Annotated[
        list[str] | None, typer.Option("--ratio", help="NOM=NUMERATEUR/DENOMINATEUR, deux colonnes. Répétable.")
    ] = None,
    sommable: Annotated[
        list[str] | None, typer.Option("--sommable", help="Colonne qui s'additionne malgré son nom. Répétable.")
    ] = None,
    impute: Annotated[
        str | None, typer.Option("--impute", help="Colonne 0/1 des valeurs imputées (i_est_200).")
    ] = None,
    doublons: Annotated[
        str, typer.Option("--doublons", help="Carreau sur plusieurs lignes : refuser ou additionner.")
    ] = "refuser",
    poids: Annotated[
        Path | None, typer.Option("--poids", help="Points (Parquet, CSV) selon lesquels partager.")
    ] = None,
    poids_x: Annotated[str | None, typer.Option("--poids-x", help="Colonne des x (longitudes) des points.")] = None,
    poids_y: Annotated[str | None, typer.Option("--poids-y", help="Colonne des y (latitudes) des points.")] = None,
    poids_crs: Annotated[str | None, typer.Option("--poids-crs", help="Système des points, EPSG:4326.")] = None,
    poids_valeur: Annotated[str | None, typer.Option("--poids-valeur", help="Poids d'un point. Défaut : 1.")] = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Partager entre des zones les valeurs de carreaux ou de polygones, en sommes et en ratios de sommes.

    Une valeur suit la surface, ou, avec --poids, les points : la part des points de la source qui est dans la zone (à
    défaut de point, la surface). C'est une estimation, à publier comme telle. Une médiane, un décile ou une moyenne
    ne se partagent pas : donner numérateur et dénominateur.

    Colonnes écrites : code ; nb_sources et, parmi elles, nb_sources_partagees (en partie dans la zone) et, avec
    --poids, nb_sources_sans_point (partagées par la surface) ; pour chaque colonne COL : COL (nulle si aucune source
    ne dit rien), COL_nb_sources, COL_part_imputee (avec --impute), COL_part_moins_de_moitie (part de la valeur qui
    vient de sources dont moins de la moitié est dans la zone) ; pour un ratio, de plus NOM_numerateur et
    NOM_denominateur, et les parts sont celles du dénominateur. Les lignes écartées vont dans SORTIE.rejets.parquet.
    """
    from qpv_data.areas.declaration import demande
    from qpv_data.areas.rejects import Ecartees
    from qpv_data.areas.ventilation import share_cells, share_polygons
    from qpv_data.refusals import errors_told

    if doublons not in ("refuser", "additionner"):
        raise typer.BadParameter("refuser ou additionner", param_hint="--doublons")
    with errors_told():
        points = _points(poids, poids_x, poids_y, poids_crs, poids_valeur)
        asked = demande(extensif or [], ratio or [], impute, sommable or [])
        onto = _cibles(zones, code, zonage, zonages, zones_crs)
        with Ecartees(_rejets(sortie)) as rejects:
            if carreau is not None:
                found = share_cells(fichier, carreau, asked, onto, rejects, points, doublons)  # type: ignore[arg-type]
            else:
                found = share_polygons(fichier, asked, onto, rejects, points, crs)
        said = _said(found.sources, onto, rejects, found.totaux)
        if points is not None:
            said["points"] = {"lus": points.lus, "ecartes": points.ecartes}
        _write(found.table, sortie, said)
        _tell(said, rejects, sortie, quiet=quiet, as_json=as_json)


def longueurs(
    fichier: _Fichier,
    sortie: _Sortie,
    classe: Annotated[str | None, typer.Option("--classe", help="Colonne des classes de lignes.")] = None,
    zones: _Zones = None,
    code: _Code = None,
    zonage: _Zonage = None,
    zonages: _Zonages = None,
    zones_crs: _ZonesCrs = None,
    crs: _Crs = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Mesurer les lignes (rues, pistes, réseaux) dans des zones, par classe, en mètres.

    Une zone comprend son bord : une ligne qui le suit est dedans. Sur le bord commun de deux zones, elle est dans les
    deux, une fois dans chacune ; cette longueur en double est dite.

    Colonnes écrites : code, nb_lignes, longueur_m, longueur_m_CLASSE pour chaque classe (sans_classe si elle manque),
    nulles si aucune ligne du fichier ne touche la zone. Les lignes écartées vont dans SORTIE.rejets.parquet.
    """
    from qpv_data.areas.lengths import measure_lines
    from qpv_data.areas.rejects import Ecartees
    from qpv_data.refusals import errors_told

    with errors_told():
        onto = _cibles(zones, code, zonage, zonages, zones_crs)
        with Ecartees(_rejets(sortie)) as rejects:
            found = measure_lines(fichier, classe, onto, rejects, crs)
        said = _said(found.lignes, onto, rejects, found.totaux)
        _write(found.table, sortie, said)
        _tell(said, rejects, sortie, quiet=quiet, as_json=as_json)


def _cibles(zones: Path | None, code: str | None, zonage: str | None, zonages: Path | None, crs: str | None) -> Cibles:
    from qpv_data.areas.zones import cibles_of_file, cibles_of_run

    if (zones is None) == (zonage is None):
        raise typer.BadParameter("donner --zones et --code, ou --zonage et --zonages", param_hint="--zones")
    if zones is not None:
        if code is None:
            raise typer.BadParameter("nommer la colonne des codes", param_hint="--code")
        return cibles_of_file(zones, code, crs)
    if zonages is None or zonage is None:
        raise typer.BadParameter("donner le dossier des zonages", param_hint="--zonages")
    composed = zonages / "zonages"
    return cibles_of_run(composed if composed.is_dir() else zonages, zonage)


def _points(path: Path | None, x: str | None, y: str | None, crs: str | None, value: str | None) -> Points | None:
    from qpv_data.areas.points import Points

    if path is None:
        return None
    if x is None or y is None or crs is None:
        raise typer.BadParameter("--poids demande --poids-x, --poids-y et --poids-crs", param_hint="--poids")
    return Points(path, x, y, crs, value)


def _said(sources: int, onto: Cibles, rejects: Ecartees, totals: Sequence[Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"sources": sources, "zones": len(onto.codes), "ecartees": dict(rejects.motifs)}
    said["totaux"] = [asdict(total) for total in totals]
    return said


def _rejets(sortie: Path) -> Path:
    return sortie.with_name(f"{sortie.stem}.rejets.parquet")


def _write(table: pa.Table, path: Path, said: dict[str, Any]) -> None:
    """The table, complete or not at all, with its totals in the file's metadata, under `qpv_data`."""
    import pyarrow.parquet as pq

    metadata = {b"qpv_data": json.dumps(said, ensure_ascii=False).encode()}
    part = path.with_name(f"{path.name}.part")
    pq.write_table(table.replace_schema_metadata(metadata), part, compression="zstd")
    part.replace(path)


def _tell(said: dict[str, Any], rejects: Ecartees, sortie: Path, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**said, "sortie": str(sortie)}, ensure_ascii=False))
    if quiet or as_json:
        return
    for total in said["totaux"]:
        words = [f"{k} {v:.12g}" if isinstance(v, float) else f"{k} {v}" for k, v in total.items()]
        typer.echo(" ; ".join(words), err=True)
    for motif, count in sorted(rejects.motifs.items()):
        shown = ", ".join(rejects.exemples[motif])
        typer.echo(f"! {count} lignes écartées, {motif} : {shown} (toutes dans {_rejets(sortie)})", err=True)
    typer.echo(f"{said['sources']} sources sur {said['zones']} zones : {sortie}", err=True)
