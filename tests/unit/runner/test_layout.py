"""Lines for a terminal: as wide as it is, in columns; coloured only where somebody sees colours."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t, verbatim
from runbook_lib.preflight.assess import Assessment, Check, assess, on
from runbook_lib.preflight.hand_off import RelayAcceptedDomain
from runbook_lib.runner import console
from runbook_lib.runner.cli import cli
from runbook_lib.runner.commands import check
from runbook_lib.runner.kernel.execution import CellStep
from runbook_lib.shown import terminal as pages
from runbook_lib.shown.layout import columns, cut, is_coloured, output_width, wrapped
from runbook_lib.shown.pace import progress_in
from tests.unit.preflight.builders import evidence

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
TEXTS = st.text(st.sampled_from("ab é漢字グループe\u0301 -,"), max_size=200)


@given(TEXTS, st.integers(20, 80))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    found = list(wrapped(text, width, first="  ", later="    "))
    assert "".join("".join(found).split()) == "".join(text.split(" "))
    words = [word for word in text.split() if not any(columns(char) == 2 for char in word)]
    longest = max(map(columns, words), default=0)
    assert all(columns(line) <= max(width, longest + 4 + 8) for line in found)
    if all(columns(word) <= 8 for word in words):
        assert all(columns(line) <= width for line in found)


def test_wide_characters_count_twice_and_combining_ones_not() -> None:
    assert columns("漢字") == 4
    assert columns("e\u0301") == 1
    assert list(wrapped("漢" * 15, 20)) == ["漢" * 10, "漢" * 5]
    assert list(wrapped("a " * 9 + "b", 10)) == ["a a a a a", "a a a a b"]
    long = "/a/path/that/is/longer/than/the/line"
    assert list(wrapped(f"x {long} y", 10)) == ["x", long, "y"], "a word is never cut: it may be there to be copied"


@given(TEXTS, st.integers(1, 40))
def test_a_line_that_is_overwritten_fills_its_columns(text: str, width: int) -> None:
    assert columns(cut(text, width)) == width


def test_progress_stays_on_its_line_with_wide_headings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    progress = console.CellProgress(quiet=False)
    progress._terminal = True
    progress(CellStep(1, 2, "漢字" * 30))
    shown = capsys.readouterr().err
    assert columns(shown.lstrip("\r")) == 39


def test_what_goes_on_in_a_cell_stands_behind_it_and_is_overwritten(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    progress = console.CellProgress(quiet=False)
    progress(CellStep(1, 2, "Read"))
    progress.detail(t("Entra ID: members: 400 of 5,000"))
    assert capsys.readouterr().err == "  cell 1 of 2: Read\n", "a log gets a line for each cell, and no more"
    progress._terminal = True
    progress(CellStep(2, 2, "Read"))
    progress.detail(t("Entra ID: members: 400 of 5,000"))
    last = capsys.readouterr().err.rsplit("\r", 1)[-1]
    assert last.strip() == "cell 2 of 2: Read, Entra ID: members: 400 of 5,000"
    quiet = console.CellProgress(quiet=True)
    quiet._terminal = True
    quiet.detail(t("members"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (("display_data", {"data": {"text/plain": "a: 1"}, "transient": {"display_id": "x"}}), "a: 1"),
        (("update_display_data", {"data": {"text/plain": "a: 2"}, "transient": {"display_id": "x"}}), "a: 2"),
        (("display_data", {"data": {"text/plain": "a table"}, "transient": {}}), ""),
        (("display_data", {"data": {"text/plain": "a table"}}), ""),
        (("update_display_data", {"data": {"text/html": "x"}, "transient": {"display_id": "x"}}), ""),
        (("stream", {"text": "a: 1", "transient": {"display_id": "x"}}), ""),
    ],
)
def test_progress_is_what_a_cell_shows_to_be_replaced(message: tuple[str, dict[str, object]], said: str) -> None:
    assert progress_in({"msg_type": message[0], "content": message[1]}) == said


def shown_assessment(text: str = "word " * 60) -> Assessment:
    rows = [(f"{s.value}-finding", s) for s in Severity]
    return assess(
        evidence(), [_check(Finding(name, severity, verbatim(text), to_do=verbatim(text))) for name, severity in rows]
    )


def _check(finding: Finding) -> Check:
    return Check(finding.id, verbatim(finding.id), (), on(direct=Severity.BLOCKING), lambda _: iter([finding]))


@pytest.mark.parametrize("width", [40, 72, 200])
def test_the_pre_flight_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, width: int) -> None:
    monkeypatch.setattr(check, "_assess", lambda *_: shown_assessment())
    path = tmp_path / "p.yaml"
    path.write_text('dc_host: "localhost"\n', encoding="utf-8")
    monkeypatch.setenv("COLUMNS", str(width))
    told = CliRunner().invoke(cli, ["check", str(path)]).stdout.splitlines()
    assert all(columns(line) <= width for line in told), max(told, key=columns)
    assert max(map(columns, told)) > width - 8, "and uses it"


def test_width_of_what_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(shutil, "get_terminal_size", os.terminal_size)
    assert output_width() == 100
    monkeypatch.setattr(shutil, "get_terminal_size", lambda _: os.terminal_size((3, 3)))
    assert output_width() == 40


@pytest.mark.parametrize(
    ("choice", "terminal", "environment", "coloured"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_where_there_is_colour(
    monkeypatch: pytest.MonkeyPatch, choice: str, terminal: bool, environment: dict[str, str], coloured: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert is_coloured(choice, environment) is coloured


def test_colour_only_repeats_what_words_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "_assess", lambda *_: shown_assessment("Seen."))
    path = tmp_path / "p.yaml"
    path.write_text('dc_host: "localhost"\n', encoding="utf-8")
    plain = CliRunner().invoke(cli, ["check", str(path)]).stdout
    coloured = CliRunner().invoke(cli, ["check", str(path), "--color", "always"]).stdout
    assert "\x1b" not in plain
    assert _ESCAPE.sub("", coloured) == plain
    dressed = [line for line in coloured.splitlines() if "\x1b" in line]
    assert [_ESCAPE.sub("", line).split()[0] for line in dressed] == [
        "direct",
        "BLOCKING",
        "UNKNOWN",
        "WARNING",
        "INFORMATION",
    ]
    assert len({_ESCAPE.findall(line)[0] for line in dressed[1:]}) == 4


def test_hand_offs_are_never_broken() -> None:
    finding = Finding("f", Severity.WARNING, t("s"), hand_offs=(RelayAcceptedDomain("n" * 300),))
    found = assess(evidence(), [_check(finding)])
    texts = [line.text for line in pages.hand_off_lines(found)]
    (offer,) = found.hand_offs
    assert offer.text.splitlines() == texts[1:-1]
