"""Between ldap3 and ``Directory``: raw search entries, cookies, names and values on the wire, a lost connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runbook_lib.directory import filters
from runbook_lib.directory.decode import guid_bytes, guid_text
from runbook_lib.directory.entry import Entry
from runbook_lib.directory.results import AnswerWithoutEnd, DirectoryUnavailable, ObjectMissing
from runbook_lib.errors import ServiceFailed
from runbook_lib.model.directory import ControllerIdentity

PAGED_RESULTS = "1.2.840.113556.1.4.319"
SHOW_DELETED = "1.2.840.113556.1.4.417"
_SEARCH_RESULT_ENTRY = 4


def raw_decoder(original: Any) -> Any:
    """ldap3's decoder for all messages but search entries, which become ``Entry`` objects with raw values only.

    ldap3 decodes every value twice and SAFE_SYNC then copies the answer deeply; half of a large read's time is that.
    """

    def decode(message: Any) -> Any:
        if message["protocolOp"] != _SEARCH_RESULT_ENTRY:
            return original(message)
        name, attributes = message["payload"][0], message["payload"][1]
        entry = Entry(
            name[3].decode("utf-8", "surrogateescape"),
            {pair[3][0][3].decode("ascii").lower(): [bytes(v[3]) for v in pair[3][1][3]] for pair in attributes[3]},
        )
        return _RawEntry(type="searchResEntry", entry=entry)

    return decode


class _RawEntry(dict[str, object]):
    """What the strategy hands on; read only, so a deep copy of it is itself."""

    def __deepcopy__(self, memo: object) -> _RawEntry:
        return self


def next_cookie(result: Mapping[str, Any], base: str) -> bytes | None:
    """Where the next page begins; None after the last one. A server that ignores paging proves nothing complete."""
    try:
        cookie = result["controls"][PAGED_RESULTS]["value"]["cookie"]
    except KeyError:
        raise ServiceFailed(
            f"The server did not answer the paged search below {base} page by page.",
            code="incomplete-read",
            hint="Check that dc_host is a domain controller and nothing rewrites LDAP on the way.",
            values={"base": base},
        ) from None
    return bytes(cookie) or None


def guid_name(guid: str) -> str:
    """``<GUID=…>``; the text is parsed and written anew, so nothing else can stand in it."""
    return f"<GUID={guid_text(guid_bytes(guid))}>"


def utf8(value: str) -> bytes:
    """A text value as AD stores it; undecodable bytes that were read go back as they came."""
    return filters.utf8(value, errors="surrogateescape")


def missing_object(guid: str) -> ObjectMissing:
    """The error for a GUID that nothing answers to."""
    return ObjectMissing(
        f"There is no object {guid_name(guid)}, or this account may not see it.",
        code="object-missing",
        hint="Run again: the directory is read anew and the plan is made again.",
        values={"guid": guid},
    )


def unavailable(why: str) -> DirectoryUnavailable:
    """The error for a connection that is gone."""
    return DirectoryUnavailable(
        f"The connection to the domain controller is lost: {why}.",
        code="directory-unavailable",
        hint="Check the domain controller and the network, then run again.",
        values={"reason": why},
    )


def without_end(why: str) -> AnswerWithoutEnd:
    """The error for an answer that was given up; ``why`` follows the name of who gave it."""
    return AnswerWithoutEnd(
        f"The domain controller {why}.",
        code="directory-answer-without-end",
        hint="Check the network and that dc_host is a domain controller. If the directory is slow, raise dc_timeout.",
        values={"reason": why},
    )


def never_complete(base: str, why: str) -> ServiceFailed:
    """The error for a reading whose parts do not come to an end, or do not fit together."""
    return ServiceFailed(
        f"What was read below {base} cannot be relied on: {why}.",
        code="incomplete-read",
        hint="Run again. If it stays, check that dc_host is a domain controller and nothing rewrites LDAP on the way.",
        values={"base": base, "reason": why},
    )


def another_controller(expected: ControllerIdentity, service: str) -> ServiceFailed:
    """The error for a host name behind which another domain controller, or a restored one, answers now."""
    return ServiceFailed(
        f"Behind {expected.host} another domain controller answers than the one that this change began with.",
        code="controller-changed",
        hint="Name one domain controller in dc_host, not a name that several share, then run again.",
        values={"host": expected.host, "then": expected.ds_service_name, "now": service},
    )
