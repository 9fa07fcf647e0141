"""Reading this project's Markdown files: tables, code blocks, links."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def committed_files() -> list[Path]:
    """Files of the project as git would commit them: tracked ones, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def section(text: str, heading: str) -> str:
    """What stands below ``## heading``, up to the next heading of the same or a higher level."""
    level = "#" * (len(heading) - len(heading.lstrip("#")))
    begin = text.index(f"\n{heading}\n") + 1
    end = re.compile(rf"^#{{1,{len(level)}}} ", re.MULTILINE).search(text, begin + len(heading))
    return text[begin : end.start() if end else len(text)]


def table_rows(text: str) -> list[list[str]]:
    """Cells of all table rows in ``text``, header and rule left out, backticks removed."""
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip().replace("`", "") for cell in row] for row in rows]
    rules = [i for i, row in enumerate(cells) if all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    headers = {i - 1 for i in rules}
    return [row for i, row in enumerate(cells) if i not in rules and i not in headers]


def code_blocks(text: str) -> Iterator[str]:
    """Contents of fenced code blocks."""
    yield from re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """Targets of links and pictures that lie in this project, anchors left out."""
    found = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text)
    return [target for target in found if "://" not in target and not target.startswith("mailto:")]


def anchored_links(text: str) -> list[tuple[str, str]]:
    """File (empty for the page itself) and anchor of each link of this project that has an anchor."""
    found = re.findall(r"\]\(([^)\s#]*)#([^)\s]+)\)", text)
    return [(target, anchor) for target, anchor in found if "://" not in target]


def anchors(text: str) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them: words and hyphens, repeated ones numbered."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", outside, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number = 0
        while (name := f"{plain}-{number}" if number else plain) in found:
            number += 1
        found.add(name)
    return found
