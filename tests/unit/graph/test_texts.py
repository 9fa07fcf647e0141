"""Half an emoji, NUL and their kin in any text of the cloud: one of them never stops a reading, and none goes on."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.cloud.messages import to_json
from runbook_lib.graph.rows import group_of, linked_of, principal_of_group, user_of
from runbook_lib.model.untrusted import whole

ID = "0a1b2c3d-0000-4000-8000-000000000001"
ODD = ["\ud83d", "\ude00", "\x00", "\ufffe", "\uffff", "\ufdd0", "\U0001ffff", "\U0010fffe"]
odd_texts = st.text(st.sampled_from([*ODD, "a", "é", "😀", "\n", "\u202e"]), max_size=8)
GROUP_TEXTS = ("displayName", "description", "mail", "mailNickname", "visibility", "membershipRule")
USER_TEXTS = ("displayName", "userPrincipalName", "mail", "onPremisesImmutableId", "onPremisesDistinguishedName")


@given(odd_texts)
def test_what_is_left_can_be_written_anywhere_and_nothing_else_changes(text: str) -> None:
    kept = whole(text)
    kept.encode("utf-8")
    assert not set(kept) & set(ODD)
    assert len(kept) == len(text)
    assert all(new == old or (new == "\ufffd" and old in ODD) for new, old in zip(kept, text, strict=True))
    assert whole(kept) == kept


@given(st.dictionaries(st.sampled_from(GROUP_TEXTS), odd_texts), st.lists(odd_texts, max_size=3))
def test_every_text_of_a_group_is_read_whole_and_what_was_replaced_is_told(
    texts: dict[str, str], addresses: list[str]
) -> None:
    row = {"id": ID, "groupTypes": [], "mailEnabled": False, "securityEnabled": True, **texts}
    group = group_of({**row, "proxyAddresses": addresses})
    shown = {name: texts.get(name, "") for name in ("displayName", "description", "mail", "mailNickname")}
    assert set(group.replaced) == {name for name, text in shown.items() if whole(text) != text}
    assert group.display_name == whole(texts.get("displayName", ""))
    assert (group.description or "") == whole(texts.get("description", ""))
    assert group.proxy_addresses == tuple(sorted(map(whole, addresses)))
    assert repr(group).encode("utf-8")
    assert repr(principal_of_group(group)).encode("utf-8")


@given(st.dictionaries(st.sampled_from(USER_TEXTS), odd_texts))
def test_every_text_of_a_user_is_read_whole(texts: dict[str, str]) -> None:
    user = user_of({"id": ID, **texts})
    assert user.display_name == whole(texts.get("displayName", ""))
    assert all("\ud83d" not in (value or "") for value in (user.user_principal_name, user.mail, user.immutable_id))
    assert linked_of({"id": ID, **texts}).display_name == user.display_name


@given(odd_texts)
def test_the_rehearsal_writes_half_a_character_as_graph_does(text: str) -> None:
    raw = to_json({"displayName": text})
    assert raw.decode("utf-8")
    assert b"?" not in raw
    # Two halves in a row are one character to every reader of JSON.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert json.loads(raw)["displayName"] == joined


@pytest.mark.parametrize("char", ODD[:2])
def test_the_escape_is_the_one_of_json(char: str) -> None:
    assert to_json({"x": f"a{char}"}) == f'{{"x":"a\\u{ord(char):04x}"}}'.encode()
