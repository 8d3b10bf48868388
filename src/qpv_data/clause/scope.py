"""What an output may hold: the indicators that are for its audience, from feeds that are for its purpose."""

from __future__ import annotations

from dataclasses import replace

from qpv_data.clause.load import ClauseSet, LeftOut, LoadedClause
from qpv_data.clause.model import ClauseJeu, Diffusion, Indicateur
from qpv_data.problems import Problem

_WIDTH = list(Diffusion)


def scope(clauses: ClauseSet, diffusion: Diffusion, finalite: str | None = None) -> ClauseSet:
    """Keep what may be told to the audience `diffusion`, for the purpose `finalite` when one is declared.

    An indicator whose level is narrower than the audience is left out, and so is one whose denominator is. A feed
    whose clause does not list the purpose is refused whole; a feed without any indicator left is not even received.
    Referentials hold no record: they are kept.
    """
    left: list[LeftOut] = []
    kept: dict[str, list[Indicateur]] = {}
    for clause in clauses.jeux:
        if finalite is not None and finalite not in clause.finalites:
            listed = ", ".join(clause.finalites)
            message = f"la clause ne prévoit pas la finalité `{finalite}` (elle prévoit : {listed})"
            left.append(LeftOut(clause.id, None, Problem.FINALITE_NON_PREVUE, message))
            continue
        kept[clause.id] = []
        for indicator in clause.indicateurs:
            level = indicator.diffusion or clause.diffusion
            if _WIDTH.index(level) > _WIDTH.index(diffusion):
                message = f"de diffusion {level.value}, plus étroite que {diffusion.value}"
                left.append(LeftOut(clause.id, indicator.id, Problem.DIFFUSION_TROP_LARGE, message))
            else:
                kept[clause.id].append(indicator)
    left += _without_denominator(kept)
    loaded = [narrowed for c in clauses.chargees if (narrowed := _narrowed(c, kept)) is not None]
    return replace(clauses, chargees=tuple(loaded), ecartes=(*clauses.ecartes, *left))


def _without_denominator(kept: dict[str, list[Indicateur]]) -> list[LeftOut]:
    """Take out, from `kept`, the rates whose denominator is not there: they would tell it, or be nothing."""
    there = {i.id for indicators in kept.values() for i in indicators}
    left = []
    for feed, indicators in kept.items():
        for indicator in [i for i in indicators if not there.issuperset(i.par)]:
            indicators.remove(indicator)
            absent = ", ".join(p for p in indicator.par if p not in there)
            message = f"son dénominateur {absent} est écarté"
            left.append(LeftOut(feed, indicator.id, Problem.DIFFUSION_TROP_LARGE, message))
    return left


def _narrowed(loaded: LoadedClause, kept: dict[str, list[Indicateur]]) -> LoadedClause | None:
    if not isinstance(loaded.clause, ClauseJeu):
        return loaded
    indicators = tuple(kept.get(loaded.clause.id, ()))
    if not indicators:
        return None
    return replace(loaded, clause=loaded.clause.model_copy(update={"indicateurs": indicators}))
