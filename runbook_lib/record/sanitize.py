"""HTML from a notebook's outputs and Markdown, reduced to what a record may hold.

Two ways to the same promise. ``strictly_ours`` recognises the language of our own renderer exactly: known tags, known
attributes, known style properties with plain values, closed and nested; such a string holds no markup beyond that list
and is passed on as it is, in milliseconds also for thousands of rows. Everything else goes through bleach, which
parses like a browser and is slow; above ``SLOW_LIMIT`` characters it is shown as text instead.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache

import bleach
from bleach.css_sanitizer import CSSSanitizer

from runbook_lib.model.text import t

_TAG_NAMES = (
    "a b bdi blockquote br caption code del details div em h1 h2 h3 h4 h5 h6 hr i li ol p pre s small span strong sub "
    "summary sup table tbody td tfoot th thead tr u ul"
)
_STYLE_NAMES = (
    "background-color border border-bottom border-collapse border-left border-radius caption-side color font-family "
    "font-size font-style font-weight height line-height list-style-type margin margin-top max-width overflow-wrap "
    "overflow-x padding padding-left text-align vertical-align white-space width"
)
TAGS = frozenset(_TAG_NAMES.split())
STYLES = frozenset(_STYLE_NAMES.split())
ATTRIBUTES = {
    "*": ["dir", "lang", "style", "title"],
    "a": ["href"],
    "ol": ["start"],
    "td": ["colspan", "rowspan"],
    "th": ["colspan", "rowspan", "scope"],
}
SLOW_LIMIT = 400_000
"""Characters that bleach is given; it handles some hundred thousand a second."""

_VOID = frozenset({"br", "hr"})
_TEXT = r"(?:[^<>&\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]|&(?:amp|lt|gt|quot|#x27|#39);)"
_ATTRIBUTE = (
    rf' (?:style="[a-zA-Z0-9#%.,:; -]*"|title="(?:(?!"){_TEXT})*"|dir="auto"|scope="(?:col|row)"|colspan="\d+")'
)
_TOKEN = re.compile(
    rf"{_TEXT}+|<(?P<open>[a-z][a-z0-9]*)(?P<attributes>(?:{_ATTRIBUTE})*)>|</(?P<close>[a-z][a-z0-9]*)>"
)
_STYLE = re.compile(r'style="([^"]*)"')
_DECLARATION = re.compile(r"\s*([a-z-]+)\s*:\s*[a-zA-Z0-9#%., -]+")

_cleaner = bleach.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    protocols={"http", "https", "mailto"},
    css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES, allowed_svg_properties=frozenset()),
)


def safe_html(text: str) -> str:
    """``text`` without anything but the tags, attributes and styles above; other tags are shown as text."""
    if strictly_ours(text):
        return text
    if len(text) > SLOW_LIMIT:
        cut = html.escape(text[:SLOW_LIMIT])
        said = t("HTML of {number} characters from an unknown renderer, shown as text and cut:", number=len(text))
        return f"<pre>{html.escape(said)}\n{cut}</pre>"
    return str(_cleaner.clean(text))


def strictly_ours(text: str) -> bool:
    """Whether ``text`` consists of nothing but the language of our renderer."""
    position = 0
    opened: list[str] = []
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            return False
        position = token.end()
        if tag := token["open"]:
            if tag not in TAGS or tag == "a" or not _known_styles(token["attributes"]):
                return False
            if tag not in _VOID:
                opened.append(tag)
        elif (tag := token["close"]) and (not opened or opened.pop() != tag):
            return False
    return not opened


@lru_cache(maxsize=512)
def _known_styles(attributes: str) -> bool:
    """Whether every declaration of the style attributes is an allowed property with a plain value."""
    for style in _STYLE.findall(attributes):
        for declaration in style.split(";"):
            match = _DECLARATION.fullmatch(declaration)
            if declaration.strip() and (match is None or match[1] not in STYLES):
                return False
    return attributes.count(" style=") <= 1
