"""``make generate``: what is committed is what it would write, and it repairs what differs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_lib.parameters.cell import parameters_cell
from tools import generate

ROOT = Path(__file__).resolve().parents[3]


def test_nothing_is_left_to_generate(capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert generate.main(()) == 0
    assert capsys.readouterr().out == ""
    assert {path: path.read_bytes() for path in before} == before


def test_a_cell_is_replaced_and_nothing_else() -> None:
    text = (ROOT / "notebooks" / "20-inventory-groups.ipynb").read_text(encoding="utf-8")
    old = generate.with_cell(text, "old = 1\n")
    assert json.loads(old)["cells"][2]["source"] == ["old = 1\n"]
    assert generate.with_cell(old, parameters_cell("20-inventory-groups")) == text


def test_the_parts_of_a_page_are_replaced_from_the_first_heading_on() -> None:
    assert (
        generate.with_parts("# T\n\nWords.\n\n## A\n\nold\n\n## B\n", "## C\n\nnew\n\n")
        == "# T\n\nWords.\n\n## C\n\nnew\n"
    )


def test_a_file_that_differs_is_written_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    path = tmp_path / "page.md"
    path.write_text("old", encoding="utf-8")
    generate.rewrite(path, "new\n")
    generate.rewrite(path, "new\n")
    assert path.read_text(encoding="utf-8") == "new\n"
    assert capsys.readouterr().out == "page.md\n"
