"""The balance of a zoning: how many points were read, and what became of each; as a table of values and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qpv_data.points.outcome import Outcome
from qpv_data.points.zoning import Zoning


def balance(zoning: Zoning, outcome: Outcome, absent: Mapping[str, int]) -> dict[str, Any]:
    """What `--json` says. `absent`: values of each summed column that were null or no number, where there are."""
    return {
        "zonage": zoning.nom,
        "zones": len(zoning.codes),
        "lus": outcome.lus,
        "dedans": outcome.dedans,
        "dehors": outcome.dehors,
        "inconnu": outcome.inconnus.total(),
        "motifs": dict(sorted(outcome.inconnus.items())),
        "axes_corriges": outcome.corriges,
        "zones_reparees": list(zoning.reparees),
        "zones_sans_aire": list(zoning.sans_aire),
        "valeurs_absentes": dict(absent),
    }


def sentences(one: Mapping[str, Any]) -> str:
    """The same for a reader, one line a fact."""

    def whole(n: int) -> str:
        return f"{n:,}".replace(",", " ")

    lines = [
        f"{one['zonage']} ({whole(one['zones'])} zones) : {whole(one['lus'])} points = {whole(one['dedans'])} dedans"
        f" + {whole(one['dehors'])} dehors + {whole(one['inconnu'])} de lieu inconnu"
    ]
    lines += [f"  inconnu, {motif} : {whole(n)}" for motif, n in one["motifs"].items()]
    if one["axes_corriges"]:
        lines.append(f"  axes échangés : {whole(one['axes_corriges'])}")
    for name, number in one["valeurs_absentes"].items():
        lines.append(f"  {name} : {whole(number)} valeurs absentes, comptées et non sommées")
    for key, words in (
        ("zones_reparees", "contours réparés"),
        ("zones_sans_aire", "zones sans aire, jamais répondues"),
    ):
        if one[key]:
            shown = ", ".join(one[key][:5]) + (", …" if len(one[key]) > 5 else "")
            lines.append(f"  {words} : {len(one[key])} ({shown})")
    return "\n".join(lines)
