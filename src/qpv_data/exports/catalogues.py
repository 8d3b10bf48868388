"""The catalogues of a release: in the folder of each audience, and at its root for whoever finds it first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qpv_data.engine import replacing
from qpv_data.exports.datapackage import datapackage
from qpv_data.exports.dcat import dcat
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.parquet import TableComments, published_comments
from qpv_data.releases.layout import audiences

DATAPACKAGE, DCAT = "datapackage.json", "dcat.ttl"


def write_catalogues(root: Path, comments: Mapping[str, TableComments] | None = None) -> None:
    """Write `datapackage.json` and `dcat.ttl` of each audience in its folder, and those of the widest at the root.

    Paths are relative to the file that has them, so that those at the root are other files than the widest audience's.
    To be called when every table is there, and before the manifests are sealed.
    """
    said = published_comments() if comments is None else comments
    named = audiences(root)
    for audience in named:
        _write(AudienceFolder(root / audience.value), root / audience.value, said)
    _write(AudienceFolder(root / named[0].value), root, said)


def _write(folder: AudienceFolder, target: Path, comments: Mapping[str, TableComments]) -> None:
    for name, make in ((DATAPACKAGE, datapackage), (DCAT, dcat)):
        with replacing(target / name) as draft:
            draft.write_bytes(make(folder, target, comments))
