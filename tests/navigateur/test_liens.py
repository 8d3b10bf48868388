"""No link of the site leads nowhere."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ouvrir import pages


class Links(HTMLParser):
    """Where a page leads and what in it may be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.links.add(value)
            if name == "id" and value:
                self.anchors.add(value)


def test_every_link_leads_to_a_file_of_the_site_and_to_a_place_in_it(site: Path) -> None:
    read = {name: Links((site / name).read_text("utf-8")) for name in pages(site)}
    dead = set()
    for name, page in read.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme in ("https", "mailto", "data"):
                continue
            target = ((site / name).parent / unquote(address.path)).resolve() if address.path else site.resolve() / name
            inside = target.is_relative_to(site.resolve()) and target.is_file()
            of = target.relative_to(site.resolve()).as_posix() if inside else ""
            if not inside or (address.fragment and of in read and address.fragment not in read[of].anchors):
                dead.add(f"{'…/' if '/' in name else ''}{name.rpartition('/')[2] if '/' not in name else '*'} → {link}")
    assert sorted(dead) == []


def test_a_page_loads_no_script_nor_style_from_elsewhere(site: Path) -> None:
    for name in pages(site):
        text = (site / name).read_text("utf-8")
        assert "//" not in "".join(part.split(">")[0] for part in text.split("<script")[1:]), name
        assert "@import" not in text
    for style in (site / "ressources").rglob("*.css"):
        assert "http" not in "".join(line for line in style.read_text("utf-8").splitlines() if "url(" in line)
