"""A clause as an annex that its parties can sign: one page of HTML, in French, that prints on A4."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Template

from qpv_data.clause.model import Clause, ClauseJeu
from qpv_data.clause.sections import sections
from qpv_data.compliance.remedies import expected
from qpv_data.templates import template


def annex_page(clause: Clause) -> str:
    """The annex. Its preamble is that of the principle that the clause stands under; every text is escaped.

    A clause that is a project, or has keys to confirm, says at its head that it is not ready to be signed.
    """
    key = clause.cle.colonnes
    received = [c for c in clause.colonnes if c.calcul is None]
    return _template().render(
        c=clause,
        parties=[part for part in sections(clause) if part.titre != "Ce qui reste à confirmer"],
        colonnes=[(c.source[0], expected(clause, c), c.obligatoire or c.nom in key) for c in received],
        indicateurs=clause.indicateurs if isinstance(clause, ClauseJeu) else (),
    )


@cache
def _template() -> Template:
    return template(Path(__file__).parent / "annexe.html.j2")
