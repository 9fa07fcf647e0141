"""What keeps people out of our outputs in JupyterLab: axe-core in both themes, a narrow window, a page at 200 %."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.support.accessibility import axe_source
from tests.support.chromium import Page

_THEMES = ("JupyterLab Light", "JupyterLab Dark")
_WINDOWS = {"900 pixels": (900, 1), "200 %": (700, 2)}
"""Width in CSS pixels and device pixels for each of them."""
_WIDEST = max(width for width, _ in _WINDOWS.values())
_HEIGHT = 9000
_VIOLATIONS = (
    "axe.run({include: [['.jp-OutputArea-output']]}, {resultTypes: ['violations']}).then(r => JSON.stringify("
    "r.violations.flatMap(v => v.nodes.map(n => `${v.id} (${v.impact}): ${n.html.slice(0, 200)}`))))"
)
# What goes out of its output to the side, is cut off, or scrolls to the side where no keyboard can scroll it.
_TOO_WIDE = """(() => {
  const found = [], said = (what, e) => found.push(`${what}: ${e.tagName} ${e.textContent.trim().slice(0, 80)}`);
  for (const area of document.querySelectorAll('.jp-OutputArea-output')) {
    if (area.scrollWidth > area.clientWidth + 1) said('an output scrolls to the side', area);
    for (const e of area.querySelectorAll('*')) {
      if (!e.clientWidth || e.scrollWidth <= e.clientWidth + 1 || ['INPUT', 'SELECT'].includes(e.tagName)) continue;
      const how = getComputedStyle(e).overflowX;
      if (how === 'hidden' || how === 'clip') said('cut off', e);
      if ((how === 'auto' || how === 'scroll') && e.tabIndex < 0) said('out of reach of a keyboard', e);
    }
  }
  return found;
})()"""


def in_the_way(tab: Page) -> list[str]:
    """Everything that is in somebody's way in the notebook that is open, a line each; the window is as before then."""
    try:
        return [*_violations(tab), *_too_wide(tab)]
    finally:
        tab.send("Emulation.clearDeviceMetricsOverride")
        tab.wait(f"document.querySelector('.jp-NotebookPanel').getBoundingClientRect().right > {_WIDEST}")
        _in_theme(tab, _THEMES[0])


def _violations(tab: Page) -> Iterator[str]:
    tab.send("Runtime.evaluate", expression=axe_source())
    for theme in _THEMES:
        _in_theme(tab, theme)
        answer = tab.send("Runtime.evaluate", expression=_VIOLATIONS, awaitPromise=True, returnByValue=True)
        yield from (f"{theme}: {line}" for line in json.loads(answer["result"]["value"]))


def _in_theme(tab: Page, theme: str) -> None:
    tab.value(f"void jupyterapp.commands.execute('apputils:change-theme', {{theme: {json.dumps(theme)}}})")
    tab.wait(f"document.body.dataset.jpThemeName === {json.dumps(theme)}")


def _too_wide(tab: Page) -> Iterator[str]:
    for name, (width, scale) in _WINDOWS.items():
        tab.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=_HEIGHT, deviceScaleFactor=scale, mobile=False
        )
        # JupyterLab lays its panels out when it is told of the window's new size.
        tab.wait(f"document.querySelector('.jp-NotebookPanel').getBoundingClientRect().right <= {width}")
        yield from (f"{name}: {line}" for line in tab.value(_TOO_WIDE))
