"""What each reason of the closed lists means, for a reader: `motifs.yml`."""

from __future__ import annotations

from qpv_data.documentation.cles import texts
from qpv_data.problems import MotifInconnu, Rejet


def meaning(reason: Rejet | MotifInconnu) -> str:
    """One sentence in French; a test holds the page to the closed lists."""
    return str(texts("motifs.yml")[type(reason).__name__][reason.value])
