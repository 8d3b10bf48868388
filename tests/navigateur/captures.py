"""Screenshots: of every kind of page for whoever reviews, a few of them for docs/captures/.

    python -m captures data/demo docs/captures

WebP comes from the browser itself: nothing else compresses here.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ouvrir import ARGUMENTS, DESKTOP, PHONE, chromium, kinds, opened

PAPER = {"width": 695, "height": 1032}
HEAVIEST = 150_000


@dataclass(frozen=True)
class Look:
    """How a page is seen. `tallest`: rows of pixels that are kept; `action`: a script run before."""

    nom: str
    viewport: dict[str, int]
    theme: str = "light"
    media: str = "screen"
    tallest: int = 6000
    page: str = ""


LOOKS = (
    Look("bureau", DESKTOP), Look("sombre", DESKTOP, "dark"), Look("telephone", PHONE), Look("papier", PAPER, media="print"),
)  # fmt: skip


def webp(seen: Any, look: Look, quality: int) -> bytes:
    """The page as WebP, from its top."""
    page = seen.page
    page.emulate_media(media=look.media, color_scheme=look.theme)
    page.set_viewport_size(look.viewport)
    height = min(page.evaluate("document.documentElement.scrollHeight"), look.tallest)
    clip = {"x": 0, "y": 0, "width": look.viewport["width"], "height": height, "scale": 1}
    session = page.context.new_cdp_session(page)
    asked = {"format": "webp", "quality": quality, "clip": clip, "captureBeyondViewport": True}
    made = base64.b64decode(session.send("Page.captureScreenshot", asked)["data"])
    session.detach()
    return made


def take(browser: Any, site: Path, out: Path) -> list[Path]:
    """Every kind of page in every look, into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    made = []
    with opened(browser, viewport=DESKTOP) as seen:
        for name in kinds(site):
            seen.open(f"{site.as_uri()}/{name}")
            for look in LOOKS:
                made.append(out / f"{name.removesuffix('.html').replace('/', '-')}-{look.nom}.webp")
                made[-1].write_bytes(webp(seen, look, 70))
    return made


def chosen(site: Path) -> list[Look]:
    """Those of the documentation."""
    sheet = next(k for k in kinds(site) if k.startswith("quartiers/"))
    return [
        Look("territoire", DESKTOP, tallest=1050, page="index.html"),
        Look("territoire-sombre", DESKTOP, "dark", tallest=1050, page="index.html"),
        Look("fiche", DESKTOP, tallest=1500, page=sheet),
        Look("fiche-telephone", PHONE, tallest=1500, page=sheet),
        Look("signaux", DESKTOP, tallest=800, page="signaux.html"),
        Look("fiche-papier", PAPER, media="print", tallest=2064, page=sheet),
    ]


def main(demonstration: Path, out: Path) -> None:
    """Screenshots of the site of `make demo`."""
    from playwright.sync_api import sync_playwright

    found, site = chromium(), demonstration.resolve() / "site"
    if found is None:
        raise SystemExit("Chromium absent : apt-get install chromium, ou QPV_DATA_CHROMIUM")
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        for look in chosen(site):
            with opened(browser, viewport=look.viewport, color_scheme=look.theme) as seen:
                seen.open(f"{site.as_uri()}/{look.page}")
                image = next(i for quality in (80, 65, 50, 35, 20) if len(i := webp(seen, look, quality)) < HEAVIEST)
            (out / f"{look.nom}.webp").write_bytes(image)
            sys.stdout.write(f"{out / look.nom}.webp {len(image) / 1000:.0f} ko\n")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
