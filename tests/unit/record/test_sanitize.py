"""HTML of outputs: our own passes as it is, of everything else what is known and harmless."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import verbatim
from runbook_lib.record.sanitize import ATTRIBUTES, STYLES, TAGS, safe_html
from runbook_lib.shown import html as ours
from runbook_lib.shown.findings import findings_html
from tests.support import hostile
from tests.unit.record.markup import parsed

TOKENS = [
    "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<td colspan=\"2\">", "<b style=\"color:#fff\">", "</b>",
    "<b style=\"color:url(x)\">", "<b style=\"position:fixed\">", "<b onclick=\"x\">", "<script>", "</script>", "<br>",
    "<a href=\"javascript:x\">", "</a>", "<img src=x>", "<!--", "-->", "<", ">", "&", "&amp;", "\"", "'", "x", "=", "/",
    "<bdi dir=\"auto\">", "</bdi>", "<span title=\"&quot;\">", "</span>", "<pre>", "</pre>", "<svg>", "<style>", "\x00",
]  # fmt: skip


def _rendered(names: list[str]) -> str:
    frame = pd.DataFrame({"name": names, "n": range(len(names))})
    name = names[0]
    finding = Finding(name, Severity.BLOCKING, verbatim(name), verbatim(name), verbatim(name), verbatim(name), name)
    return "".join(
        [
            ours.table_html(frame, caption=verbatim(names[0]), limit=5000, labels={"name": verbatim(names[0])}),
            ours.facts_html([(verbatim(n), n) for n in names], caption=verbatim(names[0])),
            ours.bars_html([(n, 3) for n in names], caption=verbatim(names[0])),
            *(
                ours.banner_html(kind, verbatim(names[0]), verbatim(names[0]))
                for kind in ("good", "attention", "bad", "neutral")
            ),
            findings_html([finding]),
            findings_html([]),
            ours.code_html("\n".join(names), verbatim(names[0])),
        ]
    )


@given(st.lists(hostile.anything(max_size=30), min_size=1, max_size=4))
@example(list(hostile.TEXTS))
def test_our_renderer_passes_whole_whatever_the_names_are(names: list[str]) -> None:
    page = _rendered(names)
    before, after = parsed(page), parsed(safe_html(page))
    assert after.tags == before.tags
    assert after.attributes == before.attributes
    # The line break after <pre> is none to a browser either.
    assert "".join(after.text).replace("\n", "") == "".join(before.text).replace("\n", "")


def assert_known(text: str) -> None:
    """Nothing but known elements, attributes, addresses and plain styles is left of ``text``."""
    page = parsed(safe_html(text))
    assert set(page.tags) <= TAGS
    for tag, name, value in page.attributes:
        assert name in {*ATTRIBUTES["*"], *ATTRIBUTES.get(tag, ())}
        if name == "style":
            assert {d.split(":")[0].strip() for d in value.split(";") if d.strip()} <= STYLES
            assert not re.search(r"[(\\\"'<>@]", value)
        if name == "href":
            assert not value.lower().startswith("javascript")


@given(st.lists(st.sampled_from(TOKENS), max_size=25))
def test_whatever_passes_holds_known_markup_only(tokens: list[str]) -> None:
    assert_known("".join(tokens))


@pytest.mark.parametrize(
    "text",
    ["<b>", "</b>", "<b></i>", "<script></script>", '<a href="http://x"></a>', '<b onclick="x"></b>', "&nbsp;", "<br/>",
     '<b style="position:fixed"></b>', '<b style="color:url(x)"></b>', '<b style="color:r\\65 d"></b>',
     "<b style='x'></b>", "<!-- -->", "a\x00b",
     '<b style="color:red" style="color:blue"></b>', '<td colspan="x"></td>', "<B></B>",
     "<svg><style>*{}</style></svg>", "<math><mi>x</mi></math>", "<img src=x onerror=y>",
     "<template><b>x</b></template>",
     "<a href=' javascript:x'>y</a>", "<a href='java\tscript:x'>y</a>", "<a href='data:text/html,x'>y</a>",
     "<svg></p><style><a id='</style><img src=1 onerror=x>'>", "<form><input></form>",
     "<noscript><p title='</noscript>"],
)  # fmt: skip
def test_of_anything_else_what_is_known_is_left(text: str) -> None:
    assert_known(text)
    assert safe_html(safe_html(text)) == safe_html(text)


@pytest.mark.parametrize(
    ("address", "stays"),
    [
        ("https://learn.microsoft.com/x", True),
        ("mailto:kim@contoso.com", True),
        ("40-disable-writeback.ipynb", False),
        ("../docs/operator-guide.md#x", False),
        ("//contoso.com/x", False),
        ("/etc/passwd", False),
        ("#parameters", False),
        ("", False),
        ("file:///etc/passwd", False),
        (" javascript:x", False),
    ],
)
def test_a_link_leads_somewhere_or_is_its_words(address: str, stays: bool) -> None:
    (link,) = [safe_html(f'<p>see <a href="{address}">the words</a>.</p>')]
    assert "the words" in link
    assert ("href" in link) is stays


def test_half_a_letter_stops_nobody() -> None:
    """JSON of a notebook can hold one; sealing goes on whatever a cell displayed."""
    assert safe_html("<b>a\ud800b</b>") == "<b>a\\ud800b</b>"


@pytest.mark.parametrize("style", ["margin:-900px 0 0", "margin-top:-1px", "width:9px;margin: 0 -.5em", "margin:0-1px"])
def test_nothing_is_drawn_over_what_stands_above_it(style: str) -> None:
    """A page in print does not clip its outputs, and above them stands how the run ended."""
    assert "-" not in safe_html(f'<div style="{style}">x</div>').replace("margin-", "")
    assert "pre-wrap" in safe_html('<div style="white-space:pre-wrap">x</div>')


def test_text_of_unknown_elements_stays_and_scripts_do_not() -> None:
    assert safe_html("<font>red</font><script>x()</script><style>*{}</style><custom>y</custom>") == "redy"


def test_two_thousand_rows_are_no_slower_for_being_strange() -> None:
    """No limit and no second way: what is not ours takes the same path."""
    frame = pd.DataFrame({f"c{n}": ["Équipe <b>"] * 2000 for n in range(8)})
    page = ours.table_html(frame, caption=verbatim("All"), limit=2000)
    # The focus of a table that scrolls is JupyterLab's alone. (To show how such texts differ takes pytest minutes.)
    whole = safe_html(page) == page.replace(' tabindex="0"', "")
    assert whole
    foreign = "<i>x</i>" * 100_000
    unchanged = safe_html(foreign) == foreign
    assert unchanged
