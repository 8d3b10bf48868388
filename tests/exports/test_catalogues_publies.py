"""datapackage.json and dcat.ttl say what is in the folder, in the words of their standards."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import duckdb
import pyshacl
import pytest
import rdflib
from publication import COMMENTS, internal, release
from rdflib import DCTERMS, RDF

from qpv_data.exports.datapackage import datapackage
from qpv_data.exports.dcat import dcat

# rdflib 7 warns of its own names from within.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")
SHAPES = Path(__file__).parents[1] / "fixtures" / "dcat" / "formes.ttl"
BASE = "https://donnees.exemple.fr/releases/2024-T4-r1/"
DCAT = rdflib.Namespace("http://www.w3.org/ns/dcat#")
SPDX = rdflib.Namespace("http://spdx.org/rdf/terms#")


@pytest.fixture(scope="module")
def package(demonstration: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(datapackage(internal(demonstration), release(demonstration), COMMENTS))
    return content


@pytest.fixture(scope="module")
def graph(demonstration: Path) -> rdflib.Graph:
    written = dcat(internal(demonstration), release(demonstration), COMMENTS)
    return rdflib.Graph().parse(data=written, format="turtle", publicID=BASE)


def files(package: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Path → size and hash, as the package says."""
    listed = [f for r in package["resources"] for f in r.get("fichiers", [r])]
    return {f["path"]: (f["bytes"], f["hash"]) for f in listed}


def test_the_package_names_every_table_of_the_folder_with_its_size_and_hash(
    demonstration: Path, package: dict[str, Any]
) -> None:
    root = release(demonstration)
    there = {p.relative_to(root).as_posix(): p for p in internal(demonstration).dossier.rglob("*.parquet")}
    said = files(package)
    assert sorted(said) == sorted(there)
    assert all(
        said[n] == (p.stat().st_size, f"sha256:{hashlib.sha256(p.read_bytes()).hexdigest()}") for n, p in there.items()
    )
    assert all(r["bytes"] == sum(f["bytes"] for f in r.get("fichiers", [r])) for r in package["resources"])


def test_the_package_describes_the_columns_that_readers_find(demonstration: Path, package: dict[str, Any]) -> None:
    root = release(demonstration)
    kinds = {
        "VARCHAR": "string", "DOUBLE": "number", "BIGINT": "integer", "INTEGER": "integer", "BOOLEAN": "boolean",
        "DATE": "date", "TIMESTAMP": "datetime", "GEOMETRY": "any",
        "STRUCT": "object",
    }  # fmt: skip
    for resource in package["resources"]:
        paths = [resource["path"]] if isinstance(resource["path"], str) else resource["path"]
        query = "DESCRIBE SELECT * FROM read_parquet($files, hive_partitioning = true, hive_types_autocast = false)"
        rows = duckdb.execute(query, {"files": [str(root / p) for p in paths]}).fetchall()
        found = {name: kinds[kind.split("(")[0]] for name, kind, *_ in rows}
        assert {f["name"]: f["type"] for f in resource["schema"]["fields"]} == found
        assert all(f["description"] for f in resource["schema"]["fields"]), resource["name"]


def test_the_keys_of_the_package_hold(demonstration: Path, package: dict[str, Any]) -> None:
    con = duckdb.connect()
    root = release(demonstration)
    resources = {r["name"]: r for r in package["resources"]}
    for name, resource in resources.items():
        paths = [resource["path"]] if isinstance(resource["path"], str) else resource["path"]
        listed = ", ".join(f"'{root / p}'" for p in paths)
        con.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{listed}], hive_types_autocast = false)')
    for name, resource in resources.items():
        schema = resource["schema"]
        if key := ", ".join(schema.get("primaryKey", [])):
            (twice,) = con.execute(f'SELECT count(*) - count(DISTINCT ({key})) FROM "{name}"').fetchone() or (None,)
            assert twice == 0, name
        for link in schema.get("foreignKeys", []):
            own, there = ", ".join(link["fields"]), ", ".join(link["reference"]["fields"])
            query = f'SELECT {own} FROM "{name}" EXCEPT SELECT {there} FROM "{link["reference"]["resource"]}"'
            assert con.execute(query).fetchall() == [], (name, link)


def test_the_package_has_what_its_profile_asks_for(package: dict[str, Any]) -> None:
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert all(licence["name"] for licence in package["licenses"])
    assert len({r["name"] for r in package["resources"]}) == len(package["resources"])
    assert not any(p.startswith("/") or ".." in p for p in files(package))


def test_the_catalogue_keeps_the_shapes_of_dcat_ap(graph: rdflib.Graph) -> None:
    conforms, _, text = pyshacl.validate(graph, shacl_graph=str(SHAPES), shacl_graph_format="turtle")
    assert conforms, text


@pytest.mark.parametrize("gone", [DCTERMS.title, DCTERMS.publisher, DCAT.accessURL, SPDX.checksumValue])
def test_the_shapes_refuse_a_catalogue_without_what_they_ask_for(graph: rdflib.Graph, gone: rdflib.URIRef) -> None:
    poorer = rdflib.Graph()
    kept = {DCAT.Catalog, DCAT.Dataset}
    few = next(graph.subjects(RDF.type, DCAT.Distribution))
    some = {few, *graph.objects(few), *(s for kind in kept for s in graph.subjects(RDF.type, kind))}
    for triple in graph:
        if triple[0] in some and triple[1] != gone:
            poorer.add(triple)
    conforms, _, text = pyshacl.validate(poorer, shacl_graph=str(SHAPES), shacl_graph_format="turtle")
    assert not conforms
    assert str(gone).rpartition("/")[2].rpartition("#")[2] in text


def test_the_catalogue_and_the_package_say_the_same_files(graph: rdflib.Graph, package: dict[str, Any]) -> None:
    said = {}
    for distribution in graph.subjects(RDF.type, DCAT.Distribution):
        (address,) = graph.objects(distribution, DCAT.downloadURL)
        (checksum,) = graph.objects(graph.value(distribution, SPDX.checksum), SPDX.checksumValue)
        size = graph.value(distribution, DCAT.byteSize)
        # rdflib reads xsd:hexBinary as bytes; its text is what was written.
        said[str(address).removeprefix(BASE)] = (int(str(size)), f"sha256:{str(checksum).lower()}")
    assert said == files(package)


def test_the_catalogues_that_are_published_name_files_that_are_there(demonstration: Path) -> None:
    root = release(demonstration)
    found = sorted(root.rglob("datapackage.json"))
    assert root / "datapackage.json" in found
    for path in found:
        said = files(json.loads(path.read_text("utf-8")))
        assert len(said) > 10
        assert [p for p in said if (path.parent / p).stat().st_size != said[p][0]] == []
        written = rdflib.Graph().parse(path.with_name("dcat.ttl"), format="turtle", publicID=BASE)
        addresses = {str(a).removeprefix(BASE) for a in written.objects(None, DCAT.downloadURL)}
        assert addresses == set(said)


def test_twice_gives_the_same_bytes(demonstration: Path) -> None:
    folder, root = internal(demonstration), release(demonstration)
    for write in (datapackage, dcat):
        assert write(folder, root, COMMENTS) == write(folder, root, COMMENTS)
