"""Entries decode lazily and say what is malformed."""

from __future__ import annotations

import pytest

from runbook_lib.directory.search import Entry
from runbook_lib.errors import ServiceFailed


def test_names_are_case_insensitive_and_absence_is_quiet() -> None:
    entry = Entry("CN=a", {"samaccountname": [b"a"], "flag": [b"TRUE"], "number": [b"-2147483640"]})
    assert entry.text("sAMAccountName") == entry.texts("SAMACCOUNTNAME")[0] == "a"
    assert (entry.truth("Flag"), entry.truth("absent")) == (True, False)
    assert (entry.integer("number"), entry.integer("absent")) == (-2147483640, None)
    assert (entry.text("absent"), entry.texts("absent"), entry.raw("absent"), entry.sid) == (None, (), (), None)
    assert entry.guid_of("absent") is None


def test_undecodable_text_can_be_written_back() -> None:
    entry = Entry("CN=a", {"cn": [b"\xff\xfe"]})
    text = entry.text("cn")
    assert text is not None
    assert text.encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_what_must_be_there_is_named_when_it_is_not() -> None:
    with pytest.raises(ServiceFailed) as caught:
        _ = Entry("CN=a", {}).guid
    assert (caught.value.code, caught.value.values["attribute"]) == ("malformed-answer", "objectGUID")
    with pytest.raises(ServiceFailed):
        Entry("CN=a", {"number": [b"x"]}).integer("number")
