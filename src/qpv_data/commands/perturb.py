"""`qpv-data arrondir` and `qpv-data cle`: publish a table rounded or perturbed, never exact as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

_Axes = Annotated[Path, typer.Option("--axes", help="axes.yml : hiérarchies de chaque axe, et règle.")]
_Out = Annotated[Path, typer.Option("--out", help="Parquet à écrire : toutes les cases, marges comprises.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")]
_Json = Annotated[bool, typer.Option("--json", help="Répondre en JSON.")]
_Registre = Annotated[
    Path | None, typer.Option("--registre", help="Registre des méthodes. Défaut : methodes.json, à côté de --out.")
]
_Tableau = Annotated[
    str | None, typer.Option("--tableau", help="Nom du tableau au registre. Défaut : celui de --out, sans extension.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("arrondir")(arrondir)
    app.command("cle")(cle)


def arrondir(
    cases: Annotated[Path, typer.Argument(metavar="CELLS.parquet", help="Une ligne par case la plus fine.")],
    axes: _Axes,
    base: Annotated[int, typer.Option("--base", min=2, help="Chaque case publiée en est un multiple.")],
    out: _Out,
    enregistrements: Annotated[
        bool, typer.Option("--enregistrements", help="Une ligne par enregistrement, comme pour protect.")
    ] = False,
    au_hasard: Annotated[
        bool,
        typer.Option("--au-hasard", help="Tirer le sens de chaque arrondi, par la clé QPV_SECRET_PERTURBATION."),
    ] = False,
    registre: _Registre = None,
    tableau: _Tableau = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Arrondir un tableau à une base, toutes ses marges s'additionnant encore."""
    from qpv_data.perturbation import cellkeys
    from qpv_data.perturbation.register import inscribe, refuse_another, register_of
    from qpv_data.perturbation.rounding import round_table
    from qpv_data.perturbation.writing import write_perturbed
    from qpv_data.refusals import errors_told
    from qpv_data.secret.declaration import read_declaration
    from qpv_data.secret.reading import read_cells, read_records

    name, beside = tableau or out.stem, register_of(out, registre)
    with errors_told():
        method: dict[str, Any] = {"methode": "arrondi", "base": base}
        key = cellkeys.perturbation_key(name) if au_hasard else None
        if key is not None:
            method["cle"] = cellkeys.fingerprint(key)
        refuse_another(out, beside, name, method)
        declared = read_declaration(axes)
        table = (read_records if enregistrements else read_cells)(cases, declared)
        draw = cellkeys.cell_draws(table.axes, key) if key is not None else None
        rounding = round_table(table, base, draw, name)
        inscribe(beside, name, method)
        write_perturbed(table.axes, rounding.value, table.decimals, method, out)
    beyond = int((rounding.beyond & table.published).sum())
    told = {"cellules": int(table.published.sum()), "base": base, "arrondi": "strict" if not beyond else "elargi"}
    if as_json:
        typer.echo(json.dumps({**told, "au_dela_des_multiples_voisins": beyond}, ensure_ascii=False, indent=1))
    elif not quiet:
        wide = f", {beyond} au-delà des multiples voisins" if beyond else ""
        typer.echo(f"{told['cellules']} cases arrondies à {base}{wide} ; toutes les marges s'additionnent.")


def cle(
    enregistrements: Annotated[
        Path, typer.Argument(metavar="ENREGISTREMENTS.parquet", help="Une ligne par enregistrement, avec `unite`.")
    ],
    axes: _Axes,
    out: _Out,
    ecart: Annotated[int, typer.Option("--ecart", min=1, max=50, help="Plus grand bruit possible (D).")],
    variance: Annotated[float, typer.Option("--variance", min=0, help="Variance du bruit (V).")],
    petits: Annotated[
        int, typer.Option("--petits", min=0, help="Aucun effectif de 1 à ce nombre n'est montré (js).")
    ] = 0,
    registre: _Registre = None,
    tableau: _Tableau = None,
    quiet: _Quiet = False,
    as_json: _Json = False,
) -> None:
    """Perturber des effectifs par la clé de leurs unités : mêmes unités, même bruit, dans tous les tableaux."""
    from qpv_data.perturbation.cellkeys import counts_of, fingerprint, perturbation_key
    from qpv_data.perturbation.noise import Noise
    from qpv_data.perturbation.register import inscribe, refuse_another, register_of
    from qpv_data.perturbation.writing import write_perturbed
    from qpv_data.refusals import errors_told
    from qpv_data.secret.cells import crossed
    from qpv_data.secret.declaration import read_declaration
    from qpv_data.secret.reading import read_units

    noise = Noise(ecart, variance, petits)
    if faults := noise.faults():
        raise typer.BadParameter(" ; ".join(faults))
    name, beside = tableau or out.stem, register_of(out, registre)
    with errors_told():
        key = perturbation_key(name)
        method = {"methode": "cle", "ecart": ecart, "variance": variance, "petits": petits, "cle": fingerprint(key)}
        refuse_another(out, beside, name, method)
        declared = read_declaration(axes)
        places, unit = read_units(enregistrements, declared)
        counts = counts_of(declared.axes, places, unit, key)
        inscribe(beside, name, method)
        write_perturbed(declared.axes, counts.perturbed(noise), 0, method, out)
    cells = int(crossed([a.published for a in declared.axes]).sum())
    if as_json:
        typer.echo(json.dumps({"cellules": cells, "ecart": ecart, "variance": variance}, ensure_ascii=False, indent=1))
    elif not quiet:
        typer.echo(f"{cells} cases perturbées d'au plus {ecart} ; elles ne s'additionnent pas exactement.")
