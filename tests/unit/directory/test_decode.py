"""GUIDs, SIDs and times, there and back."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.directory import search


@given(st.uuids())
def test_guids_go_there_and_back(guid: UUID) -> None:
    assert search.guid_text(search.guid_bytes(str(guid).upper())) == str(guid)


def test_the_first_three_groups_of_a_guid_are_little_endian() -> None:
    assert search.guid_text(bytes(range(16))) == "03020100-0504-0706-0809-0a0b0c0d0e0f"


@given(st.integers(0, 2**48 - 1), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=15))
def test_sids_go_there_and_back(authority: int, parts: list[int]) -> None:
    raw = bytes([1, len(parts)]) + authority.to_bytes(6, "big") + b"".join(p.to_bytes(4, "little") for p in parts)
    assert search.sid_bytes(search.sid_text(raw)) == raw


def test_a_domain_sid_reads_as_windows_shows_it() -> None:
    raw = bytes.fromhex("010500000000000515000000010000000200000003000000f4010000")
    assert search.sid_text(raw) == "S-1-5-21-1-2-3-500"


@pytest.mark.parametrize("raw", [b"", b"\x01", bytes(12), b"\x01\x02" + bytes(10), b"\x01\x10" + bytes(70)])
def test_bytes_that_are_no_sid_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="SID"):
        search.sid_text(raw)


@pytest.mark.parametrize("text", ["", "S-1-5", "S-2-5-21", "S-1-5-4294967296", "S-1-5-21-", "S-1-٥-21", "x"])
def test_texts_that_are_no_sid_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="SID"):
        search.sid_bytes(text)


def test_times() -> None:
    assert search.generalized_time("20260131235959.0Z") == datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert search.generalized_time("20260201005959.0+0100") == datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert search.file_time(116444736000000000) == datetime(1970, 1, 1, tzinfo=UTC)
    assert search.file_time(0) is None
    assert search.file_time(0x7FFFFFFFFFFFFFFF) is None


@pytest.mark.parametrize("text", ["", "20260131", "20261331000000.0Z", "now"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        search.generalized_time(text)


@pytest.mark.parametrize("value", [-1, 0x7FFFFFFFFFFFFFFE])
def test_file_times_out_of_range_are_refused(value: int) -> None:
    with pytest.raises(ValueError, match="file time"):
        search.file_time(value)
