"""HTML of outputs: our own language passes as it is, everything else through bleach."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import verbatim
from runbook_lib.record import sanitize
from runbook_lib.record.sanitize import ATTRIBUTES, STYLES, TAGS, safe_html, strictly_ours
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
def test_our_renderer_is_recognised_whatever_the_names_are(names: list[str]) -> None:
    page = _rendered(names)
    assert strictly_ours(page)
    assert safe_html(page) == page


def test_our_styles_survive_bleach_too() -> None:
    page = _rendered(["x", "Équipe"])
    slow = parsed(sanitize._cleaner.clean(page))
    fast = parsed(page)
    assert slow.tags == fast.tags
    assert [(t, n, v.replace(" ", "").rstrip(";")) for t, n, v in slow.attributes] == [
        (t, n, v.replace(" ", "").rstrip(";")) for t, n, v in fast.attributes
    ]


@given(st.lists(st.sampled_from(TOKENS), max_size=25))
def test_whatever_passes_holds_known_markup_only(tokens: list[str]) -> None:
    page = parsed(safe_html("".join(tokens)))
    assert set(page.tags) <= TAGS
    for tag, name, value in page.attributes:
        assert name in [*ATTRIBUTES["*"], *ATTRIBUTES.get(tag, [])]
        if name == "style":
            assert {d.split(":")[0].strip() for d in value.split(";") if d.strip()} <= STYLES
        if name == "href":
            assert not value.lower().startswith("javascript")


@pytest.mark.parametrize(
    "text",
    ["<b>", "</b>", "<b></i>", "<script></script>", '<a href="http://x"></a>', '<b onclick="x"></b>', "&nbsp;", "<br/>",
     '<b style="position:fixed"></b>', '<b style="color:url(x)"></b>', '<b style="color:r\\65 d"></b>',
     "<b style='x'></b>", "<!-- -->", "a\x00b",
     '<b style="color:red" style="color:blue"></b>', '<td colspan="x"></td>', "<B></B>"],
)  # fmt: skip
def test_anything_else_is_not_ours(text: str) -> None:
    assert not strictly_ours(text)


def test_two_thousand_rows_never_reach_bleach(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({f"c{n}": ["Équipe <b>"] * 2000 for n in range(8)})
    page = ours.table_html(frame, caption=verbatim("All"), limit=2000)

    def unexpected(self: object, text: str) -> str:
        raise AssertionError("slow path")

    monkeypatch.setattr("bleach.Cleaner.clean", unexpected)
    assert safe_html(page) is page
    foreign = safe_html("<i>" * 200_000)
    assert foreign.startswith("<pre>HTML of 600000 characters from an unknown renderer")
    assert parsed(foreign).tags == ["pre"]
