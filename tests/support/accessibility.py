"""axe-core in a page of a real Chromium: what keeps people out of it, in the light and in the dark theme."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from tests.support.chromium import Page

_AXE = Path(__file__).with_name("axe") / "axe.min.js"
_FOUND = (
    "axe.run(document, {resultTypes: ['violations']}).then(result => JSON.stringify(result.violations.flatMap("
    "v => v.nodes.map(n => `${v.id} (${v.impact}): ${n.target.join(' ')}: ${n.html.slice(0, 200)}`))))"
)
THEMES = ("light", "dark")


@cache
def axe_source() -> str:
    """The library, as it was published."""
    return _AXE.read_text(encoding="utf-8")


def violations(tab: Page) -> list[str]:
    """Every violation of any impact in the page that is open, a line each."""
    tab.send("Runtime.evaluate", expression=axe_source())
    answer = tab.send("Runtime.evaluate", expression=_FOUND, awaitPromise=True, returnByValue=True)
    found: list[str] = json.loads(answer["result"]["value"])
    return found


def violations_of_file(tab: Page, path: Path) -> list[str]:
    """Those of a file, in both themes."""
    found = []
    for theme in THEMES:
        tab.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        tab.send("Page.navigate", url=path.as_uri())
        tab.wait(f"document.readyState === 'complete' && location.href === {json.dumps(path.as_uri())}")
        found += [f"{path.name}, {theme}: {line}" for line in violations(tab)]
    return found
