"""Pictures that a cell and a page show: a flow with counts, what stands before and after, the times of a change. Pure.

They are HTML with styles on each element. JupyterLab takes ``<svg>`` and ``<style>`` out of a notebook that it does not
trust, and a record holds neither (docs/decisions/0013). Words and numbers say everything, colour says it once more.
Ink and paper are those around the picture, so it is right in a dark theme and in print.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from markupsafe import Markup

from runbook_lib.model.moment import iso_seconds, to_the_second
from runbook_lib.model.text import NOTHING, Text, counted, joined, t, verbatim
from runbook_lib.shown.html import text_html

# Each at least 3:1 on the paper of the light and of the dark theme (WCAG 2.2, 1.4.11).
_EDGE = "#818b98"
_FLOW = "#2f81f7"
_NEW = "#1f9d4d"
_GONE = "#d1464f"

_ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:4px 10px;margin:8px 0 0 0"
_SMALL = "font-size:13px"
_ARROW = Markup('<div style="font-size:20px;line-height:1;font-weight:700">→</div>')
_BAR_HEIGHT = 10
"""Pixels."""
_THICKEST, _THINNEST = 18, 2
"""Pixels of an arrow: that of the way with most groups, and of any other at least."""
MOST_PAIRS = 20
"""Groups that one picture shows before and after."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What is counted, in words with the number; ``number`` gives the length of its bar, 0 draws none."""

    text: Text
    number: int = 0


@dataclass(frozen=True, slots=True)
class Stream:
    """Groups that take one way from the cloud to AD.

    Attributes:
        groups: How many.
        source: What they are in the cloud, the sum first.
        way: How they get to AD, or why not.
        more: What else is said of the way.
        arrived: What stands in AD of them, or will.
        flows: Whether something is, or will be, written to AD.
    """

    groups: int
    source: tuple[Amount, ...]
    way: Text
    more: Text
    arrived: tuple[Amount, ...]
    flows: bool = True


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """One group before a change and after it.

    Attributes:
        name: Of the group.
        before: What stands in AD now.
        after: What will stand there once the change is carried out.
        stay: Members in AD before and after; None: nobody says how many. Below: those that enter, that leave, and those
            of the cloud group that AD does not get.
    """

    name: str
    before: Text
    after: Text
    stay: int | None
    enter: int
    leave: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time of a change; ``at`` is None for what may follow and has not happened."""

    at: datetime | None
    title: Text
    more: Text = NOTHING


def flow_html(streams: Sequence[Stream], *, caption: Text) -> Markup:
    """Cloud, route and AD from left to right, one line for each way; an arrow is as thick as the way has groups.

    In a narrow window what stands right of an arrow goes below it.
    """
    most = max((stream.groups for stream in streams), default=0)
    return _titled(caption, Markup().join(_stream(stream, most) for stream in streams))


def _stream(stream: Stream, most: int) -> Markup:
    colour = _FLOW if stream.flows else _EDGE
    largest = max(one.number for one in (*stream.source, *stream.arrived, Amount(NOTHING, 1)))
    way = Markup('<div><strong>{}</strong></div><div style="{}">{}</div>').format(
        text_html(stream.way), _SMALL, text_html(stream.more)
    )
    boxes = (
        _box(_amounts(stream.source, largest, colour), colour, 190),
        _box(way, colour, 150),
        _box(_amounts(stream.arrived, largest, colour), colour, 230),
    )
    return Markup('<div style="{}">{}</div>').format(_ROW, _thick_arrow(stream.groups, most, colour).join(boxes))


def _box(inner: Markup, colour: str, width: int) -> Markup:
    """A box that takes its share of the line, and a line of its own where less than ``width`` pixels are left."""
    return Markup(
        '<div style="border:1px solid {};border-left:5px solid {};border-radius:6px;padding:6px 12px;'
        'flex:1 1 {}px;overflow-wrap:anywhere">{}</div>'
    ).format(_EDGE, colour, width, inner)


def _amounts(amounts: Sequence[Amount], largest: int, colour: str) -> Markup:
    """The first one is the sum; bars are drawn where there is something to compare."""
    first, *others = amounts
    shown = Markup("<div><strong>{}</strong></div>").format(text_html(first.text))
    for one in others:
        bar = _bar(((one.number, colour),), largest) if len(others) > 1 else Markup()
        shown += Markup('<div style="{}">{}</div>{}').format(_SMALL, text_html(one.text), bar)
    return shown


def _thick_arrow(groups: int, most: int, colour: str) -> Markup:
    """As thick as the root of its share: 10 groups can still be seen beside 4,000."""
    height = max(_THINNEST, round(_THICKEST * sqrt(groups / most))) if most else _THINNEST
    shaft = Markup('<div style="height:{}px;background-color:{};flex:1 1 auto"></div>').format(height, colour)
    return Markup('<div style="display:flex;align-items:center;gap:2px;flex:0 0 56px">{}{}</div>').format(shaft, _ARROW)


def before_after_html(groups: Sequence[BeforeAfter], *, caption: Text) -> Markup:
    """One line for each group, ``MOST_PAIRS`` at most: AD before, an arrow, AD after, with the members as bars."""
    shown = groups[:MOST_PAIRS]
    largest = max(((one.stay or 0) + max(one.enter, one.leave) for one in shown), default=0)
    if len(groups) > len(shown):
        caption = t("{caption}: {shown} of {total}", caption=caption, shown=len(shown), total=len(groups))
    rows = Markup().join(_pair(one, largest) for one in shown)
    return _titled(caption, rows + (_legend() if largest else Markup()))


def _pair(one: BeforeAfter, largest: int) -> Markup:
    name = Markup('<div style="flex:1 1 140px;overflow-wrap:anywhere"><strong>{}</strong></div>')
    changes = [
        t("{number:,} enter", number=one.enter) if one.enter else NOTHING,
        t("{number:,} leave", number=one.leave) if one.leave else NOTHING,
        t("{number:,} left out", number=one.left_out) if one.left_out else NOTHING,
    ]
    stay = one.stay or 0
    known = one.stay is not None
    before = _side(t("Before"), one.before, counted(stay + one.leave, "member") if known else NOTHING, NOTHING)
    after = _side(
        t("After"), one.after, counted(stay + one.enter, "member") if known else NOTHING, joined(changes, ", ")
    )
    return Markup('<div style="{}">{}{}{}{}</div>').format(
        _ROW,
        name.format(text_html(one.name)),
        _box(before + _bar(((stay, _FLOW), (one.leave, _GONE)), largest), _EDGE, 190),
        _ARROW,
        _box(after + _bar(((stay, _FLOW), (one.enter, _NEW)), largest), _EDGE, 190),
    )


def _side(title: Text, what: Text, members: Text, changes: Text) -> Markup:
    said = joined((members, changes), ": ")
    return Markup('<div style="{}"><strong>{}</strong> {}</div><div style="{}">{}</div>').format(
        _SMALL, t("{title}:", title=title), text_html(what), _SMALL, text_html(said)
    )


def _legend() -> Markup:
    colours = ((_FLOW, t("members that stay")), (_NEW, t("that enter")), (_GONE, t("that leave")))
    one = Markup('<div><span style="border-left:16px solid {};margin:0 6px 0 0"></span>{}</div>')
    keys = Markup().join(one.format(colour, text_html(word)) for colour, word in colours)
    return Markup('<div style="display:flex;flex-wrap:wrap;gap:2px 18px;margin:6px 0 0 0;{}">{}</div>').format(
        _SMALL, keys
    )


def _bar(parts: Sequence[tuple[int, str]], largest: int) -> Markup:
    """Lengths side by side, the longest line being ``largest``."""
    blocks = Markup().join(
        Markup('<div style="width:{}%;height:{}px;background-color:{}"></div>').format(
            max(1, round(100 * number / largest)), _BAR_HEIGHT, colour
        )
        for number, colour in parts
        if number
    )
    return Markup('<div style="display:flex;margin:3px 0 4px 0">{}</div>').format(blocks) if blocks else blocks


def timeline_html(moments: Sequence[Moment], *, caption: Text) -> Markup:
    """From top to bottom, each with how long after the one before it; what has not happened has no time."""
    rows, before = Markup(), None
    for moment in moments:
        rows += _moment(moment, before)
        before = moment.at or before
    listed = Markup('<ol style="list-style-type:none;padding-left:0;margin:8px 0 0 0">{}</ol>')
    return _titled(caption, listed.format(rows))


def _moment(moment: Moment, before: datetime | None) -> Markup:
    when, colour, mark = t("not yet"), _EDGE, "○"
    since = NOTHING
    if moment.at is not None:
        when, colour, mark = verbatim(to_the_second(iso_seconds(moment.at))), _FLOW, "●"
        since = _after(moment.at, before)
    said = joined((moment.more, since), " · ")
    more = Markup('<div style="{}">{}</div>').format(_SMALL, text_html(said)) if said else Markup()
    return Markup(
        '<li style="display:flex;flex-wrap:wrap;margin:0 0 0 0">'
        '<div style="flex:0 0 185px;{}">{}</div>'
        '<div style="flex:1 1 240px;overflow-wrap:anywhere;border-left:3px solid {};padding:0 0 10px 12px">'
        "<strong>{} {}</strong>{}</div></li>"
    ).format(_SMALL, text_html(when), colour, mark, text_html(moment.title), more)


def _after(at: datetime, before: datetime | None) -> Text:
    """How long after: in seconds, minutes, hours or days; empty for the first one."""
    if before is None:
        return NOTHING
    seconds = (at - before).total_seconds()
    if seconds < 60:
        return t("{seconds:.1f} s later", seconds=seconds)
    if seconds < 3600:
        return t("{minutes:.0f} min later", minutes=seconds / 60)
    if seconds < 48 * 3600:
        return t("{hours:.1f} h later", hours=seconds / 3600)
    return t("{days:.0f} days later", days=seconds / 86400)


def _titled(caption: Text, inner: Markup) -> Markup:
    return Markup(
        '<div style="margin:4px 0 14px 0;line-height:1.45"><div style="font-weight:600">{}</div>{}</div>'
    ).format(text_html(caption), inner)
