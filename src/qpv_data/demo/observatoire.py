"""The demonstration's site: what anyone may read of the release that has just been made."""

from __future__ import annotations

from pathlib import Path

from qpv_data.clause.vocabulary import Diffusion
from qpv_data.exports.folder import audience_folder
from qpv_data.resources import referentials_dir
from qpv_data.site.build import Built, Options, build

CONTACT = "mailto:observatoire@brumeval.example"


def write_site(lake: Path, release: Path) -> Built:
    """Write it under the lake, in `site/`. `release`: the folder of the release."""
    folder = audience_folder(release, Diffusion.OUVERT.value)
    events = referentials_dir() / "demo" / "evenements.csv"
    streets = tuple(sorted((lake / "territoire" / "adresses").glob("*.csv")))
    return build(folder, lake / "site", Options(contact=CONTACT, adresses=streets, evenements=events))
