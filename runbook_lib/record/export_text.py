"""A record as a short text for a ticket: Markdown with the table of groups, and JSON. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from runbook_lib.model.text import Text, joined, t, verbatim
from runbook_lib.model.untrusted import printable
from runbook_lib.record.first_page import FirstPage
from runbook_lib.record.planned_groups import GroupSaid

SUMMARY_SCHEMA = "gwb-summary/1"
# What means something in Markdown (CommonMark 0.31; GitHub: tables, formulas) or in the HTML that it may hold.
_MARKUP = re.compile(r"[\\`*_\[\]<>#!|~$&^]")
# Only at the start of a line, or of an entry of a list.
_AT_THE_START = re.compile(r"^(?:(?=[-+=:])|(\d+)(?=[.)]))")
# What GitHub makes a link or a mention of by itself, backslash or not.
_BY_ITSELF = re.compile(r"@|:(?=//)|(?<=www)\.", re.IGNORECASE)


def markdown_text(text: str) -> str:
    """Text of others as it is, on one line: nothing in it is markup, HTML, a link or a mention."""
    shown = _AT_THE_START.sub(r"\1\\", _MARKUP.sub(r"\\\g<0>", printable(text).strip()))
    return _BY_ITSELF.sub(lambda match: f"&#{ord(match[0])};", shown)


def summary_markdown(page: FirstPage, *, record: str, digest: str) -> str:
    """Page 1 as GitHub-flavoured Markdown.

    Args:
        page: Page 1.
        record: The record's folder as people write it.
        digest: Of the manifest, which stands for the whole record; empty: it is not sealed.
    """
    return "\n".join([*_markdown(page, record, digest), ""])


def _markdown(page: FirstPage, record: str, digest: str) -> Iterator[str]:
    yield f"# {markdown_text(page.title)}"
    yield ""
    headline = f"{page.ending.title}: {page.headline}" if page.headline else page.ending.title
    yield f"**{markdown_text(headline)}** {markdown_text(page.ending.meaning)}"
    yield ""
    said = [(t("What happened"), verbatim(page.problem[0])), (t("What to do"), verbatim(page.problem[1]))]
    yield from _bullets([pair for pair in said if pair[1]])
    yield from _bullets(
        [(t("Why"), verbatim(page.reason) or t("not said")), *((one.caption, one.text) for one in page.people)]
    )
    if page.differences:
        yield from ("", _heading(t("What differs")), "")
        headings = (t("Group"), t("What"), t("By the cloud"), t("In AD"))
        yield from _table(headings, [(d.group, d.what, d.expected, d.seen) for d in page.differences])
    if page.groups:
        yield from ("", _heading(page.heading), "")
        heads = (
            *(t("Group"), t("Change"), t("In the cloud"), t("In AD already"), t("Added"), t("Removed"), t("Left out")),
            t("Who is left out, and why"),
        )
        yield from _table(heads, [_cells(group) for group in page.groups])
    if page.left_alone:
        yield from ("", _heading(t("Selected, and left alone")), "")
        yield from _table((t("Group"), t("Why it is left alone")), [(one.name, one.why) for one in page.left_alone])
    findings = [f"{word}: {seen}" for word, seen in page.risk.findings]
    for heading, lines in (
        (t("Risk"), [*page.risk.sentences, *findings]),
        (t("Way back"), page.back),
        (t("What this record does not prove"), page.gaps),
    ):
        yield from ("", _heading(heading), "")
        # An entry without a word would turn the list around it into paragraphs.
        yield from (f"- {markdown_text(line) or '–'}" for line in lines)
        if lines is page.back and page.back_line:
            yield from ("", "~~~~", printable(page.back_line), "~~~~")
    yield ""
    yield from _bullets(
        [
            (t("Record"), verbatim(record)),
            (t("Digest of the sealed record"), verbatim(digest) or t("none: the record is open")),
        ]
    )


def _heading(text: Text) -> str:
    return f"## {markdown_text(text)}"


def _bullets(pairs: Sequence[tuple[Text, Text]]) -> Iterator[str]:
    for caption, text in pairs:
        yield f"- {markdown_text(caption)}: {markdown_text(text)}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(markdown_text, headings))} |"
    yield f"|{' --- |' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(map(markdown_text, row))} |"


def _cells(group: GroupSaid) -> tuple[Text, ...]:
    none = verbatim("–")
    numbers = (group.in_cloud, group.already, group.added, group.removed, group.left_out)
    who = joined(map(verbatim, group.who), "; ") or (t("nobody") if group.left_out == 0 else none)
    shown = (none if number is None else verbatim(str(number)) for number in numbers)
    return (verbatim(group.name) or t("all groups"), group.what or none, *shown, who)


def summary_json(page: FirstPage, *, record: str, digest: str) -> dict[str, object]:
    """Page 1 for machines; the keys are those of ``gwb-summary/1`` (docs/records.md).

    Args:
        page: Page 1.
        record: The record's folder as people write it.
        digest: Of the manifest; empty: it is not sealed.
    """
    people: Mapping[str, str] = {one.key: one.text for one in page.people}
    return {
        "schema": SUMMARY_SCHEMA,
        "record": record,
        "digest": digest or None,
        "change_id": page.change_id,
        "run_id": page.run_id,
        "title": page.title,
        "outcome": page.outcome.value if page.outcome else None,
        "verdict": page.ending.title,
        "headline": page.headline,
        "problem": {"message": page.problem[0], "hint": page.problem[1]},
        "reason": page.reason,
        **people,
        "groups": [
            {
                "group": group.name,
                "change": group.what,
                "ad_object": group.object_name,
                "in_cloud": group.in_cloud,
                "already": group.already,
                "added": group.added,
                "removed": group.removed,
                "left_out": group.left_out,
                "who": list(group.who),
            }
            for group in page.groups
        ],
        "left_alone": [{"group": one.name, "why": one.why, "to_do": one.to_do} for one in page.left_alone],
        "differences": [
            {"group": d.group, "what": d.what, "by_the_cloud": d.expected, "in_ad": d.seen, "reason": d.reason}
            for d in page.differences
        ],
        "risk": [*page.risk.sentences, *(f"{word}: {seen}" for word, seen in page.risk.findings)],
        "way_back": [*page.back, *([page.back_line] if page.back_line else [])],
        "not_proved": list(page.gaps),
    }
