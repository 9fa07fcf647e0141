"""What cells display: escaped, inline, readable without colour."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.shown import html
from runbook_lib.shown.findings import findings_html
from tests.support import hostile
from tests.unit.record.markup import parsed

FINDING = Finding("id:1", Severity.BLOCKING, t("seen"), t("expected"), t("why"), t("to do"), "source")


def _everything(name: str) -> str:
    frame = pd.DataFrame({"name": [name], name + "n": [3]})
    finding = Finding(name, Severity.WARNING, verbatim(name), verbatim(name), verbatim(name), verbatim(name), name)
    return "".join(
        [
            html.table_html(frame, caption=verbatim(name), labels={"name": verbatim(name)}),
            html.facts_html([(verbatim(name), name)], caption=verbatim(name)),
            html.bars_html([(name, 1)], caption=verbatim(name)),
            html.banner_html("bad", verbatim(name), verbatim(name)),
            findings_html([finding], caption=verbatim(name)),
            html.code_html(name, verbatim(name)),
        ]
    )


@given(hostile.anything(min_size=1, max_size=50))
@example("<script>alert(1)</script>")
def test_names_never_become_markup(name: str) -> None:
    read, dull = parsed(_everything(name)), parsed(_everything("d" * len(name)))
    ignored = {"bdi", "br", "span"}
    assert [t for t in read.tags if t not in ignored] == [t for t in dull.tags if t not in ignored]
    assert {n for _, n, _ in read.attributes} <= {"style", "scope", "dir", "title", "colspan"}


@given(st.text(max_size=50).filter(lambda text: "\n" not in text))
def test_value_is_shown_escaped_and_whole(name: str) -> None:
    page = parsed(html.table_html(pd.DataFrame({"n": pd.Series([name], dtype=object)}), caption=verbatim("c")))
    assert printable(name) in "".join(page.text)


def test_no_style_script_or_svg_element_because_jupyterlab_strips_them() -> None:
    assert not {"style", "script", "svg", "img", "a"} & set(parsed(_everything("x")).tags)


def test_table() -> None:
    frame = pd.DataFrame(
        {
            "name": ["a", None, "c"],
            "n": [1, 2, 3],
            "f": [1.0, np.nan, 2.5],
            "flag": [True, False, True],
            "at": pd.to_datetime(["2026-11-22T10:00:00Z"] * 3, utc=True),
        },
        index=["i1", "i2", "i3"],
    )
    page = html.table_html(frame, caption=verbatim("Groups"), limit=2, labels={"n": verbatim("Members")})
    text = parsed(page).text
    assert "Groups" in text
    assert " · showing 2 of 3 rows" in text
    assert "Members" in text
    assert {"1", "2", "yes", "no", "2026-11-22T10:00:00Z"} <= set(text)
    assert not {"nan", "None", "1.0", "i1", "3"} & set(text)
    assert page.count('scope="col"') == 5


def test_table_without_rows_or_columns() -> None:
    assert "No rows." in html.table_html(pd.DataFrame({"a": []}), caption=verbatim("c"))
    assert "No rows." in html.table_html(pd.DataFrame(), caption=verbatim("c"))
    assert "1 row<" in html.table_html(pd.DataFrame({"a": [1]}), caption=verbatim("c"))


def test_columns_with_the_same_name_keep_their_values() -> None:
    frame = pd.DataFrame([["left", "right"]], columns=["same", "same"])
    assert {"left", "right"} <= set(parsed(html.table_html(frame, caption=verbatim("c"))).text)


def test_long_value_is_cut_and_whole_in_the_tooltip() -> None:
    page = parsed(html.table_html(pd.DataFrame({"a": ["x" * 500]}), caption=verbatim("c")))
    assert max(map(len, page.text)) < 200
    assert ("span", "title", "x" * 500) in page.attributes


def test_right_to_left_names_are_isolated_and_controls_visible() -> None:
    page = html.facts_html([(verbatim("name"), "مجموعة \u202e x\x1b[31m")], caption=verbatim("c"))
    assert '<bdi dir="auto">' in page
    assert "\\u202e" in page
    assert "\\u001b" in page


def test_states_are_words_not_only_colours() -> None:
    for kind, words in (("good", ">T<"), ("attention", ">Attention: T<"), ("bad", ">Problem: T<"), ("neutral", ">T<")):
        assert words in html.banner_html(kind, verbatim("T"))  # type: ignore[arg-type]
    page = findings_html([Finding("i", Severity.INFO, t("s")), FINDING])
    assert page.index("Blocking:") < page.index("Information:")
    for words in ("Expected:", "Why it matters:", "What to do:", "Source:", "Identifier: id:1"):
        assert words in "".join(parsed(page).text)
    assert "none" in findings_html([])


def test_facts_and_bars() -> None:
    text = parsed(
        html.facts_html(
            [(verbatim("a"), None), (verbatim("b"), True), (verbatim("c"), "x\ny"), (verbatim("d"), 0)],
            caption=verbatim("c"),
        )
    ).text
    assert {"not known", "yes", "x", "y", "0"} <= set(text)
    page = html.bars_html([("a", 0), ("b", 1), ("c", 1000)], caption=verbatim("c"))
    assert re.findall(r"width:(\d+)%;height", page) == ["0", "1", "100"]
    assert html.bars_html([], caption=verbatim("c"))


def test_code_keeps_lines_and_tabs() -> None:
    assert "gwb run x\n\t&lt;y&gt;</pre>" in html.code_html("gwb run x\r\n\t<y>", verbatim("Run"))


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour.lstrip("#")
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("kind", ["good", "attention", "bad", "neutral"])
def test_contrast(kind: html.ToneName) -> None:
    page = (
        _everything("x")
        + html.banner_html(kind, verbatim("t"), verbatim("x"))
        + html.table_html(pd.DataFrame(), caption=verbatim("c"))
    )
    pairs = set(re.findall(r"(?<![-\w])color:(#\w{6});background-color:(#\w{6})", page))
    # Quiet text has no background of its own: it stands on paper or on the shade.
    pairs |= {(ink, ground) for ink in re.findall(r"[;\"]color:(#57606a)", page) for ground in ("#ffffff", "#f6f8fa")}
    assert len(pairs) >= 4
    for ink, ground in pairs:
        light, dark = sorted((_luminance(ink), _luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


def test_every_box_sets_both_colours_because_themes_bring_their_own() -> None:
    for style in re.findall(r'<(?:table|tr|caption)[^>]*style="([^"]*)"', _everything("x")):
        assert "color:" in style.replace("background-color:", "")
        assert "background-color:" in style


def test_a_table_that_scrolls_to_the_side_takes_the_focus_and_a_small_one_wraps() -> None:
    many, few = ([t("Heading")] * number for number in (4, 3))
    wide, narrow = (html.rows_html(some, [["x"] * len(some)], caption=t("Table")) for some in (many, few))
    assert wide.startswith(f'<div style="{html.SCROLL}" tabindex="0"><table')
    assert "min-width:4.5em" in wide
    assert "tabindex" not in narrow
    assert "min-width" not in narrow
    assert "overflow-wrap:anywhere" in narrow


def test_lines_to_copy_are_wrapped_and_not_scrolled_to() -> None:
    assert "white-space:pre-wrap;overflow-wrap:anywhere" in html.code_html("x" * 400, t("To copy"))
