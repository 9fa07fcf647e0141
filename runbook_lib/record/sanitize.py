"""HTML from a notebook's outputs and Markdown, reduced by nh3 (Ammonia) to what a record may hold.

nh3 parses as a browser does and keeps known elements, attributes and address schemes. Of an element that is not known
its text stays, of a script or a style sheet nothing; SVG and MathML are not known. What nh3 does not look at is the
value of a style property (it knows their names alone): ``url(...)`` and escapes could name an address there. So
declarations are looked at here, and only known properties with plain values stay.
"""

from __future__ import annotations

import re
from functools import lru_cache

import nh3

_TAG_NAMES = (
    "a b bdi blockquote br caption code del details div em h1 h2 h3 h4 h5 h6 hr i li ol p pre s small span strong sub "
    "summary sup table tbody td tfoot th thead tr u ul"
)
_STYLE_NAMES = (
    "background-color align-items border border-bottom border-collapse border-left border-radius caption-side color "
    "display flex flex-wrap font-family font-size font-style font-weight gap height line-height list-style-type margin "
    "margin-top max-width min-width overflow-wrap overflow-x padding padding-left text-align vertical-align "
    "white-space width"
)
TAGS = frozenset(_TAG_NAMES.split())
STYLES = frozenset(_STYLE_NAMES.split())
ATTRIBUTES = {
    "*": frozenset({"dir", "lang", "style", "title"}),
    "a": frozenset({"href"}),
    "ol": frozenset({"start"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan", "scope"}),
}
# A record is opened wherever it was copied to: what lay beside the notebook is not there. The words of a link stay.
_WITH_SCHEME = re.compile(r"[a-z]+:", re.IGNORECASE)
# No number below zero: with it an output could be drawn over what stands above it, the outcome of the page too.
_DECLARATION = re.compile(r"\s*([a-z-]+)\s*:\s*(?:[a-zA-Z0-9#%., ]|-(?![0-9.]))+")


def safe_html(text: str) -> str:
    """``text`` without anything but the elements, attributes and styles above; half a letter becomes ``\\ud800``."""
    return _cleaner.clean(text.encode("utf-8", "backslashreplace").decode("utf-8"))


@lru_cache(maxsize=512)
def _plain_style(style: str) -> str | None:
    """The declarations of known properties whose value is names, numbers, colours; None where there is none."""
    found = ((part, _DECLARATION.fullmatch(part)) for part in style.split(";"))
    return ";".join(part.strip() for part, match in found if match and match[1] in STYLES) or None


def _filtered(_tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value if _WITH_SCHEME.match(value) else None
    return _plain_style(value) if name == "style" else value


_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    attribute_filter=_filtered,
    url_schemes=frozenset({"http", "https", "mailto"}),
    # Nothing of a record is opened from elsewhere, and the page sends no referrer.
    link_rel=None,
)
