"""JupyterLab in a real browser: the form that sets up for one's own tenant asks, checks and goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rehearsal.process import RunningRehearsal
from tests.support.chromium import CHROMIUM, Page
from tests.support.jupyterlab import cell, lab, menu, written

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and os.environ.get("CI") != "true", reason="Chromium is not installed"),
]
FORM = f"{cell('offer_setup()')}.querySelector('.widget-vbox')"


def _answer(tab: Page, text: str, then: str) -> None:
    """Type into the field and press the button, as a person does; the form then says so."""
    field = f"{FORM}.querySelector('.widget-text input')"
    tab.value(f"{field}.select()")
    tab.click(field)
    tab.value(f"{field}.select()")
    tab.type(text)
    tab.click(f"(b => b && !b.disabled && b)({FORM}.querySelector('button.jupyter-button'))")
    tab.wait(f"{FORM}.innerText.includes({json.dumps(then)})")


def test_the_form_checks_each_answer_and_asks_the_next(fresh_rehearsal: RunningRehearsal, tmp_path: Path) -> None:
    mine = written(tmp_path, fresh_rehearsal.parameters_file, change_id="CHG-LAB-NEW")
    with lab(tmp_path, "00-start-here", mine) as tab:
        tab.click(f"{cell('offer_setup()')}.querySelector('.jp-InputArea-prompt')")
        menu(tab, "Run", "Run Selected Cell")
        header = f"{cell('offer_setup()')}.querySelector('.lm-AccordionPanel-title, .jupyter-widget-Collapse-header')"
        tab.wait(header)
        tab.click(header)
        tab.wait(f"{FORM} && {FORM}.offsetParent !== null")
        _answer(tab, str(tmp_path / "mine"), "Tenant")
        _answer(tab, "no such thing", "neither a domain name")
        assert tab.value(f"!!{FORM}.querySelector('[role=alert]')")
