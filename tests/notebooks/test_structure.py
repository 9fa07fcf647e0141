"""The seven notebooks keep their form; each check was given a notebook that breaks it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from runbook_lib.notebook.course import STEPS
from runbook_lib.parameters.cell import parameters_cell
from tests.notebooks.structure import NOTEBOOKS, problems, source

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PARAMETERS = "change_id: str = ''  # example"


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_keeps_its_form(name: str) -> None:
    assert problems(read(name), parameters_cell(name)) == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_valid(name: str) -> None:
    nbformat.validate(read(name))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_step_stands_below_its_heading(name: str) -> None:
    """A link at the top of the notebook leads to the heading of the step that a run stopped at."""
    text = "\n".join(source(cell) for cell in read(name)["cells"] if cell["cell_type"] == "markdown")
    assert not {f"## {step.heading}" for step in STEPS[name]} - {*text.splitlines()}


def test_there_are_no_others() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NOTEBOOKS)


def markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": f"m{len(text)}", "metadata": {}, "source": text}


def code(text: str, **metadata: object) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": f"c{len(text)}",
        "metadata": metadata,
        "source": text,
        "outputs": [],
        "execution_count": None,
    }


def example() -> dict[str, Any]:
    cells = [
        markdown("# Example\n\n```\n# no heading\n```"),
        code(PARAMETERS, tags=["parameters"], jupyter={"source_hidden": True}),
        markdown("## Open"),
        code("from runbook_lib.notebook import open_run\n\nrun = open_run(globals())"),
        markdown("## Close the run"),
        code("run.finish()"),
    ]
    return {"metadata": {"kernelspec": {"name": "python3"}}, "cells": cells}


def test_example_has_no_problems() -> None:
    assert problems(example(), PARAMETERS) == []


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """A function that sets ``cells.3.source`` or the like."""

    def apply(notebook: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        target: Any = notebook
        for key in parents:
            target = target[int(key)] if isinstance(target, list) else target[key]
        target[last] = value

    return apply


@pytest.mark.parametrize(
    ("breaking", "said"),
    [
        (change("metadata.kernelspec", {"name": "conda-env"}), "kernelspec"),
        (change("metadata.widgets", {}), "metadata.widgets"),
        (change("metadata.papermill", {}), "metadata.papermill"),
        (change("cells.3.id", "c12"), "not unique"),
        (change("cells.2.source", "# Second"), "one H1"),
        (change("cells.0.source", "no heading"), "one H1"),
        (change("cells.1.metadata", {}), "0 cells carry the tag"),
        (change("cells.3.metadata", {"tags": ["parameters"]}), "2 cells carry the tag"),
        (change("cells.1.metadata", {"tags": ["parameters"]}), "not collapsed in JupyterLab"),
        (change("cells.1.source", "change_id: str = 'CHG1'"), "not the generated one"),
        (change("cells.3.outputs", [{"output_type": "stream"}]), "outputs or a count"),
        (change("cells.3.execution_count", 1), "outputs or a count"),
        (change("cells.3.metadata", {"papermill": {}}), "metadata of a run"),
        (change("cells.3.source", "x = 1\n" * 16), "16 lines"),
        (change("cells.3.source", "!ls"), "not plain Python"),
        (change("cells.3.source", "%pip install x"), "not plain Python"),
        (change("cells.3.source", "import pandas"), "imports pandas"),
        (change("cells.3.source", "from . import x"), "imports ."),
        (change("cells.3.source", "input('ok?')"), "calls input()"),
        (change("cells.3.source", "getpass.getpass()"), "calls getpass()"),
        (change("cells.3.source", "exit()"), "calls exit()"),
        (change("cells.5.source", "run.close()"), "finish()"),
        (change("cells.4", None), "no Markdown before"),
    ],
)
def test_each_check_can_fail(breaking: Callable[[dict[str, Any]], None], said: str) -> None:
    notebook = copy.deepcopy(example())
    if said == "no Markdown before":
        del notebook["cells"][4]
    else:
        breaking(notebook)
    assert any(said in problem for problem in problems(notebook, PARAMETERS))
