"""Write anew what is generated from the code: ``make generate``.

The parameters model gives parameters/example.yaml, the parameters cell of every notebook and the table in
docs/parameters.md; the rehearsal gives parameters/demo.yaml and those of the other routes; the models of a
change's files give their JSON Schemas, and those the tables of keys in docs/records.md; what each operation needs
gives the dsacls lines in docs/permissions.md; the modules' docstrings give docs/rooms.md, and
every text for people has a line in runbook_lib/model/templates.csv. Tests compare each with its source.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rehearsal.parameters_file import demo_parameters
from runbook_lib.model.target import Route
from runbook_lib.parameters.cell import parameters_cell
from runbook_lib.parameters.document import example_yaml, reference_table_markdown
from tests.docs import record_keys, rights_lines, rooms, templates
from tools import schemas

ROOT = Path(__file__).resolve().parent.parent
_FIRST_PART = re.compile(r"^## .*\Z", re.MULTILINE | re.DOTALL)


def with_cell(notebook: str, source: str) -> str:
    """A notebook's JSON text with another parameters cell, which JupyterLab shows collapsed."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        if "parameters" in cell["metadata"].get("tags", ()):
            cell["source"] = source.splitlines(keepends=True)
            cell["metadata"]["jupyter"] = {"source_hidden": True}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def with_parts(page: str, parts: str) -> str:
    """A page whose first second-level heading and all that follows is replaced by ``parts``."""
    return _FIRST_PART.sub(lambda _: parts.rstrip("\n") + "\n", page)


def rewrite(path: Path, text: str) -> None:
    """Write a file where it differs, and say so."""
    if path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")
        print(path.relative_to(ROOT).as_posix())


def main(_: Sequence[str]) -> int:
    """Write everything; prints the files that changed."""
    rewrite(ROOT / "parameters" / "example.yaml", example_yaml())
    rewrite(ROOT / "parameters" / "demo.yaml", demo_parameters())
    rewrite(ROOT / "parameters" / "demo-cloud-sync.yaml", demo_parameters(Route.CLOUD_SYNC))
    rewrite(ROOT / "parameters" / "demo-connect-sync.yaml", demo_parameters(Route.CONNECT_SYNC))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        rewrite(path, with_cell(path.read_text(encoding="utf-8"), parameters_cell(path.stem)))
    page = ROOT / "docs" / "parameters.md"
    rewrite(page, with_parts(page.read_text(encoding="utf-8"), reference_table_markdown().replace("### ", "## ")))
    for name in schemas.TITLES:
        rewrite(schemas.FOLDER / f"{name}.json", schemas.schema_json(name))
    rewrite(record_keys.PAGE, record_keys.rewritten(record_keys.PAGE.read_text(encoding="utf-8")))
    rewrite(rooms.PAGE, rooms.page())
    rewrite(templates.PAGE, templates.rewritten())
    rewrite(rights_lines.PAGE, rights_lines.rewritten(rights_lines.PAGE.read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
