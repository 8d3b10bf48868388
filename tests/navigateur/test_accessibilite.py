"""The pages for those who do not see them, do not point at them, or read them with difficulty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from ouvrir import DESKTOP, PHONE, kinds, opened

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
LOOKS = ["color-contrast", "target-size"]
"""Rules that another width or theme answers otherwise."""
RUN = """async rules => {
  document.querySelectorAll("details").forEach((d, n) => { d.open = n < 1; });
  const found = await axe.run({ preload: false, resultTypes: ["violations"], selectors: true, ...rules });
  return found.violations.map(v => `${v.id} (${v.impact}) ×${v.nodes.length} : ${v.nodes[0].html.slice(0, 200)}`);
}"""
FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const style = getComputedStyle(e), box = e.getBoundingClientRect();
  const x = Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1);
  const y = Math.min(Math.max(box.top + box.height / 2, 0), innerHeight - 1);
  const there = document.elementFromPoint(x, y);
  window.__stops = window.__stops || new Set();
  const again = window.__stops.has(e);
  window.__stops.add(e);
  return {
    again, tag: e.tagName.toLowerCase(), id: e.id, href: e.getAttribute("href") || "", label: e.outerHTML.slice(0, 120),
    inside: !!e.closest("main"), ringed: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    onscreen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    covered: !e.closest("svg") && !(there && (e.contains(there) || there.contains(e))),
  };
}"""


def axe(page: Any, **rules: Any) -> list[str]:
    """What axe finds; one series of a sheet is unfolded, the others are its like."""
    page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(RUN, rules)
    return found


def test_axe_finds_nothing_on_any_kind_of_page(browser: Any, site: Path) -> None:
    found = []
    with opened(browser, viewport=DESKTOP, color_scheme="light") as seen:
        for name in kinds(site):
            page = seen.open(f"{site.as_uri()}/{name}")
            rules = {"target-size": {"enabled": True}}
            found += [f"{name} : {v}" for v in axe(page, runOnly={"type": "tag", "values": TAGS}, rules=rules)]
    assert found == []


def test_axe_finds_nothing_on_a_dark_phone(browser: Any, site: Path) -> None:
    found = []
    with opened(browser, viewport=PHONE, color_scheme="dark") as seen:
        for name in kinds(site):
            page = seen.open(f"{site.as_uri()}/{name}")
            found += [f"{name} : {v}" for v in axe(page, runOnly={"type": "rule", "values": LOOKS})]
    assert found == []


def tour(page: Any, most: int = 400) -> list[dict[str, Any]]:
    """Where Tab goes, from the top of the page until it leaves it or comes back."""
    stops: list[dict[str, Any]] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop is None or stop["again"]:
            return stops
        stops.append(stop)
    pytest.fail(f"Tab ne sort pas de la page après {most} arrêts")


def test_tab_goes_through_each_kind_of_page_and_is_always_seen(browser: Any, site: Path) -> None:
    wrong = []
    with opened(browser, viewport=DESKTOP, reduced_motion="reduce") as seen:  # else it is still scrolling there
        for name in kinds(site):
            stops = tour(seen.open(f"{site.as_uri()}/{name}"))
            assert stops[0]["href"] == "#contenu", name
            navigation = [s["href"] for s in stops if not s["inside"]]
            assert any(h.endswith("donnees.html") for h in navigation), name
            assert any(s["id"] == "bascule" for s in stops), name
            reached = {s["href"] for s in stops} | {s["id"] for s in stops}
            asked = seen.page.eval_on_selector_all(
                "main :is(a[href], select, button, input, summary)",
                "all => all.filter(e => e.checkVisibility() && !e.disabled).map(e => e.getAttribute('href') || e.id || '')",
            )
            wrong += [f"{name} : jamais atteint : {a}" for a in {*asked} - reached]
            wrong += [f"{name} : {fault} : {s['label']}" for s in stops for fault, there in
                      (("sans contour", not s["ringed"]), ("hors de l'écran", not s["onscreen"]), ("couvert", s["covered"]))
                      if there]  # fmt: skip
    assert wrong == []


def test_the_keyboard_alone_goes_from_the_first_page_to_a_sheet_and_back(browser: Any, site: Path) -> None:
    with opened(browser, viewport=DESKTOP) as seen:
        page = seen.open(f"{site.as_uri()}/index.html")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_function("document.activeElement.id === 'contenu'")
        page.focus("#choix")
        before = page.inner_text("#titre-carte")
        page.keyboard.press("ArrowDown")
        page.wait_for_function("t => document.getElementById('titre-carte').innerText !== t", arg=before)
        page.focus("#rang tbody a")
        page.keyboard.press("Enter")
        page.wait_for_url("**/quartiers/*.html")
        page.focus("summary")
        page.keyboard.press("Enter")
        page.wait_for_selector("details[open] table")
        page.focus(".enseigne a")
        page.keyboard.press("Enter")
        page.wait_for_url("**/index.html")
        assert seen.said == []


def test_the_theme_that_is_chosen_holds_whatever_the_machine_prefers(browser: Any, site: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, color_scheme="light") as seen:
        page = seen.open(f"{site.as_uri()}/index.html")
        light = page.evaluate(ground)
        page.click("#bascule")
        dark = page.evaluate(ground)
        assert dark != light
        page.emulate_media(color_scheme="dark")
        page.click("#bascule")
        assert page.evaluate(ground) == light
        page.reload()
        assert page.evaluate(ground) == light
