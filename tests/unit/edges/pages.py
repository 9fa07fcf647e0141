"""A page as a browser builds it: the WHATWG algorithm (html5lib), elements, attributes and text."""

from __future__ import annotations

import re
import warnings
from typing import NamedTuple
from xml.etree.ElementTree import Element

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from bleach._vendor import html5lib

_HARMLESS = frozenset({"bdi", "br", "span"})
"""Elements around text beyond ASCII, between its lines, around a cut value."""


class Tree(NamedTuple):
    """What is left of a page without its text."""

    elements: tuple[str, ...]
    """``parent>child`` in the page's order, without the harmless ones."""
    attributes: frozenset[tuple[str, str]]
    """Element and attribute, without the tooltips of cut values."""
    text: str


def tree_of(html: str) -> Tree:
    """Read a page or a piece of one."""
    elements: list[str] = []
    attributes: set[tuple[str, str]] = set()
    texts: list[str] = []

    def walk(element: Element, parent: str) -> None:
        tag = element.tag if type(element.tag) is str else "comment"
        if tag not in _HARMLESS:
            elements.append(f"{parent}>{tag}")
            attributes.update((tag, name) for name in element.attrib)
        else:
            assert set(element.attrib) <= {"dir", "title", "style", "class"}, element.attrib
        assert not [name for name in element.attrib if name.startswith("on")]
        if tag not in ("style", "comment"):
            texts.append(element.text or "")
        for child in element:
            walk(child, parent if tag in _HARMLESS else tag)
            texts.append(child.tail or "")

    walk(html5lib.parse(html, namespaceHTMLElements=False), "")
    return Tree(tuple(elements), frozenset(attributes), "".join(texts))


_FORMULA = re.compile(r"\$.*?\$|\\\(|\\\[|\\begin\s*\{|\\(?:eq)?ref\s*\{|\\[$\\]", re.DOTALL)
_NOT_TYPESET = frozenset({"script", "noscript", "style", "textarea", "pre", "code"})


def formulas(html: str) -> list[str]:
    """What MathJax would typeset in JupyterLab: its patterns (FindTeX) in each run of text between two tags."""
    found: list[str] = []

    def walk(element: Element) -> None:
        if element.tag in _NOT_TYPESET:
            return
        runs, run = [], element.text or ""
        for child in element:
            # A line break does not end MathJax's run of text; every other element does.
            if child.tag == "br":
                run += "\n" + (child.tail or "")
                continue
            walk(child)
            runs.append(run)
            run = child.tail or ""
        for text in (*runs, run):
            found.extend(_FORMULA.findall(text))

    walk(html5lib.parse(html, namespaceHTMLElements=False))
    return found
