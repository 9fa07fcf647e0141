"""Parts: the order of reading follows from what they need; mistakes in it are errors before anything is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.errors import NoAccess
from runbook_lib.model.reading import Part, Unreadable, in_reading_order
from runbook_lib.model.text import t, verbatim


def part(key: str, *needs: Part[None, int]) -> Part[None, int]:
    return Part(key, verbatim(key.title()), lambda _: 1, needs)


def test_the_order_is_as_written_where_it_may_be() -> None:
    first, second = part("first"), part("second")
    third = part("third", second)
    assert in_reading_order([second, third, first]) == (second, third, first)
    assert in_reading_order([third, first, second]) == (second, third, first)


@given(st.data())
def test_what_a_part_needs_is_read_before_it(data: st.DataObject) -> None:
    parts: list[Part[None, int]] = []
    for number in range(data.draw(st.integers(0, 8))):
        needs = data.draw(st.lists(st.sampled_from(parts), unique=True)) if parts else []
        parts.append(part(f"p{number}", *needs))
    order = in_reading_order(data.draw(st.permutations(parts)))
    assert sorted(one.key for one in order) == sorted(one.key for one in parts)
    for one in order:
        assert all(order.index(needed) < order.index(one) for needed in one.needs)
    assert in_reading_order(order) == order


def test_a_part_that_is_missing_a_key_twice_and_a_circle_are_errors() -> None:
    one = part("one")
    two = part("two", one)
    with pytest.raises(ValueError, match="two needs one, which is not among the parts"):
        in_reading_order([two])
    with pytest.raises(ValueError, match="several parts have the key one"):
        in_reading_order([one, part("one")])
    object.__setattr__(one, "needs", (two,))  # what is written from top to bottom cannot be one
    with pytest.raises(ValueError, match="in a circle: one -> two -> one"):
        in_reading_order([one, two])


def test_a_part_is_no_other_part_s_equal() -> None:
    assert part("one") != part("one")
    assert len({part("one"), part("one")}) == 2


def test_a_reason_with_and_without_its_full_stop() -> None:
    for text in ("No rights", "No rights."):
        reason = Unreadable("exchange", "a", verbatim(text))
        assert (reason.sentence, reason.clause) == ("No rights.", "No rights")


def test_a_reason_from_an_error_keeps_everything_that_it_says() -> None:
    error = NoAccess(t("No."), code="no", hint=t("Ask."), values={"host": "dc1"})
    reason = Unreadable.because("exchange", error)
    assert reason == Unreadable("exchange", "no", t("No."), {"host": "dc1"}, t("Ask."))
    assert hash(reason) == hash(Unreadable("exchange", "no", t("No."), {}, t("Ask."))), "it can be counted"
