"""What every browser test does: find the pages of a folder, open one, note all that it says and asks for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def chromium() -> str | None:
    """The browser: QPV_DATA_CHROMIUM, or that of the machine."""
    told = os.environ.get("QPV_DATA_CHROMIUM")
    return shutil.which(told) if told else shutil.which("chromium") or shutil.which("chromium-browser")


def pages(site: Path) -> list[str]:
    """Every page of a site, as a path from its folder."""
    return sorted(p.relative_to(site).as_posix() for p in site.rglob("*.html"))


def kinds(site: Path) -> list[str]:
    """A page of each kind: those at the root, and in each folder the heaviest, which has the most of everything."""
    of_kind: dict[str, list[str]] = {}
    for page in pages(site):
        folder, _, name = page.rpartition("/")
        of_kind.setdefault(folder or name, []).append(page)
    return sorted(max(found, key=lambda p: ((site / p).stat().st_size, p)) for found in of_kind.values())


@dataclass
class Seen:
    """A page and all that it said or asked for since it was opened."""

    page: Any
    scripts: bool = True
    said: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, url: str) -> Any:
        """Go there, and forget what was said before."""
        for noted in (self.said, self.failed, self.asked):
            noted.clear()
        self.page.goto(url)
        if self.scripts:
            settled(self.page)
        return self.page

    def faults(self, base: str) -> list[str]:
        """What a page should not have said or asked for; `base`: the address of its folder."""
        outside = [f"demandé hors du dossier : {url}" for url in self.asked if not url.startswith((base, "data:"))]
        return [*self.said, *(f"échoué : {f}" for f in self.failed), *outside]


@contextmanager
def opened(browser: Any, **context: Any) -> Iterator[Seen]:
    """A page of a context of its own. `context`: as Playwright's `new_context`. A loaded machine is no fault of the
    page: it has minutes."""
    inside = browser.new_context(**context)
    inside.set_default_timeout(300_000)
    page = inside.new_page()
    seen = Seen(page, context.get("java_script_enabled", True))
    page.on("console", lambda message: seen.said.append(f"{message.type} : {message.text}"))
    page.on("pageerror", lambda error: seen.said.append(f"erreur : {error}"))
    page.on("dialog", lambda dialog: (seen.said.append(f"dialogue : {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: seen.asked.append(request.url))
    # What was still on its way when the page was left did not fail.
    page.on(
        "requestfailed",
        lambda request: None if "ERR_ABORTED" in (request.failure or "") else seen.failed.append(request.url),
    )
    page.on(
        "response", lambda answer: seen.failed.append(f"{answer.status} {answer.url}") if answer.status > 399 else None
    )
    try:
        yield seen
    finally:
        inside.close()


def settled(page: Any) -> None:
    """Once what the scripts drew is there."""
    page.wait_for_load_state("load")
    page.evaluate("() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")
