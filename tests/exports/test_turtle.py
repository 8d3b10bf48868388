"""What the writer of Turtle writes, another reader reads back."""

from __future__ import annotations

import rdflib
from hypothesis import given
from hypothesis import strategies as st

from qpv_data.exports.turtle import Blank, Iri, Literal, Name, turtle

PREFIXES = {"ex": "https://exemple.fr/ns#", "rdf": str(rdflib.RDF), "xsd": str(rdflib.XSD)}
BASE = "https://exemple.fr/publications/"


def read(text: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=text.encode(), format="turtle", publicID=BASE)


@given(st.text())
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    graph = read(turtle(PREFIXES, [(Iri("#a"), [(Name("ex", "dit"), Literal(text, "fr"))])]))
    assert [(str(o), o.language) for o in graph.objects()] == [(text, "fr")]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_path_is_one_reference_whatever_it_holds(path: str) -> None:
    graph = read(turtle(PREFIXES, [(Iri("#a"), [(Name("ex", "est"), Iri("ouvert/" + path.replace("/", "")))])]))
    (found,) = graph.objects()
    assert isinstance(found, rdflib.URIRef)
    assert not set(str(found)) & set(' <>"{}|^`\\\n')


def test_a_nameless_node_and_types_are_read_back() -> None:
    inside = Blank(
        [(Name("rdf", "type"), Name("ex", "Chose")), (Name("ex", "n"), Literal("3", type=Name("xsd", "integer")))]
    )
    graph = read(turtle(PREFIXES, [(Iri(""), [(Name("ex", "a"), inside), (Name("ex", "a"), Literal("b"))])]))
    assert len(graph) == 4
    assert rdflib.Literal(3) in set(graph.objects())
    assert rdflib.URIRef(BASE) in set(graph.subjects())


def test_a_lone_surrogate_is_replaced() -> None:
    assert [
        str(o) for o in read(turtle(PREFIXES, [(Iri("#a"), [(Name("ex", "dit"), Literal("a\ud800b"))])])).objects()
    ] == ["a\ufffdb"]
