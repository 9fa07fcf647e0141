"""Between ldap3 and ``Directory``: cookies, ranges, names and values on the wire, a lost connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from runbook_lib.directory import search
from runbook_lib.directory.errors import SUCCESS, AnswerWithoutEnd, DirectoryUnavailable, ObjectMissing, ldap_error_of
from runbook_lib.directory.search import Entry, guid_bytes, guid_text
from runbook_lib.errors import ServiceFailed
from runbook_lib.model.directory import ControllerIdentity
from runbook_lib.model.text import Text, t

Ask = Callable[[str, str], tuple[dict[str, Any], list[Entry]]]
"""Asks the object with this DN for one attribute, by the name that ``range_from`` gives: ldap3's result, entries."""

MOST_VALUES = 5_000_000
"""Values of one attribute of one object; the largest group that is written back has 250,000 members."""
MOST_PIECES = 10_000
"""Pieces of one attribute's values; AD's smallest piece has 1,000, its usual one 1,500."""
_RANGE = re.compile(r"([^;]+);range=(\d+)-(\d+|\*)", re.IGNORECASE)


class ValueRange(NamedTuple):
    """A piece of an attribute's values: positions ``first`` to ``last`` (None: to the end)."""

    attribute: str
    first: int
    last: int | None

    def fits(self, count: int) -> bool:
        """Whether it holds as many values as its positions say; the last piece says none."""
        return self.last is None or 0 < count == self.last - self.first + 1


def parse_range(name: str) -> ValueRange | None:
    """The range option of a returned attribute name, or None for a plain name."""
    match = _RANGE.fullmatch(name)
    if not match:
        return None
    last = None if match.group(3) == "*" else int(match.group(3))
    return ValueRange(match.group(1), int(match.group(2)), last)


def range_from(attribute: str, first: int) -> str:
    """The name that asks for everything from position ``first`` on."""
    return f"{attribute};range={first}-*"


def completed(entry: Entry, ask: Ask) -> Entry:
    """The entry with every attribute that came in a range read to its end.

    Raises:
        ServiceFailed: ``incomplete-read``: the rest does not come, or never ends.
        RunbookError: Any other result but success.
    """
    for name in entry.attributes:
        if ";" in name:
            break
    else:  # no option at all, as nearly always
        return entry
    attributes = {name: list(values) for name, values in entry.attributes.items() if ";range=" not in name}
    for name, values in entry.attributes.items():
        piece = parse_range(name)
        if piece is not None:
            if piece.first != 0 or not piece.fits(len(values)):
                raise never_complete(
                    entry.dn, t("the first values of {attribute} are not those that it says", attribute=piece.attribute)
                )
            attributes[piece.attribute] = [*values, *_rest(entry.dn, piece.attribute, piece.last, ask)]
    return Entry(entry.dn, attributes)


def _rest(dn: str, attribute: str, last: int | None, ask: Ask) -> list[bytes]:
    rest: list[bytes] = []
    pieces_read = 0
    while last is not None:
        result, entries = ask(dn, range_from(attribute, last + 1))
        if result["result"] != SUCCESS:
            raise ldap_error_of(result, operation="read", dn=dn)
        pieces = [(parse_range(n), v) for e in entries for n, v in e.attributes.items()]
        found = [(p, v) for p, v in pieces if p is not None and p.attribute == attribute.lower()]
        if not found or found[0][0].first != last + 1:
            raise ServiceFailed(
                t(
                    "The values of {attribute} of {dn} broke off after {last}.",
                    attribute=attribute,
                    dn=dn,
                    last=last + 1,
                ),
                code="incomplete-read",
                hint=t("Run again; the object may have changed while it was read."),
                values={"dn": dn, "attribute": attribute, "values": last + 1},
            )
        piece, values = found[0]
        pieces_read += 1
        if not piece.fits(len(values)):
            raise never_complete(
                dn,
                t(
                    "the values of {attribute} from {last} on are not those that it says",
                    attribute=attribute,
                    last=last + 1,
                ),
            )
        rest.extend(values)
        last = piece.last
        if last is not None and (pieces_read >= MOST_PIECES or len(rest) > MOST_VALUES):
            raise never_complete(
                dn, t("after {last:,} values of {attribute} more are to follow", last=last + 1, attribute=attribute)
            )
    return rest


PAGED_RESULTS = "1.2.840.113556.1.4.319"
SHOW_DELETED = "1.2.840.113556.1.4.417"


def next_cookie(result: Mapping[str, Any], base: str) -> bytes | None:
    """Where the next page begins; None after the last one. A server that ignores paging proves nothing complete.

    Raises:
        ServiceFailed: It ignored paging (``incomplete-read``).
    """
    try:
        cookie = result["controls"][PAGED_RESULTS]["value"]["cookie"]
    except KeyError:
        raise ServiceFailed(
            t("The server did not answer the paged search below {base} page by page.", base=base),
            code="incomplete-read",
            hint=t("Check that dc_host is a domain controller and nothing rewrites LDAP on the way."),
            values={"base": base},
        ) from None
    return bytes(cookie) or None


def guid_name(guid: str) -> str:
    """``<GUID=…>``; the text is parsed and written anew, so nothing else can stand in it."""
    return f"<GUID={guid_text(guid_bytes(guid))}>"


def stored_utf8(value: str) -> bytes:
    """A text value as AD stores it; undecodable bytes that were read go back as they came."""
    return search.utf8(value, errors="surrogateescape")


def missing_object(guid: str) -> ObjectMissing:
    """The error for a GUID that nothing answers to."""
    return ObjectMissing(
        t("There is no object {guid_name}, or this account may not see it.", guid_name=guid_name(guid)),
        code="object-missing",
        hint=t("Run again: the directory is read anew and the plan is made again."),
        values={"guid": guid},
    )


def unavailable(why: Text) -> DirectoryUnavailable:
    """The error for a connection that is gone."""
    return DirectoryUnavailable(
        t("The connection to the domain controller is lost: {why}.", why=why),
        code="directory-unavailable",
        hint=t("Check the domain controller and the network, then run again."),
        values={"reason": why},
    )


def without_end(why: str) -> AnswerWithoutEnd:
    """The error for an answer that was given up; ``why`` follows the name of who gave it."""
    return AnswerWithoutEnd(
        t("The domain controller {why}.", why=why),
        code="directory-answer-without-end",
        hint=t(
            "Check the network and that dc_host is a domain controller. If the directory is slow, raise dc_timeout."
        ),
        values={"reason": why},
    )


def never_complete(base: str, why: Text) -> ServiceFailed:
    """The error for a reading whose parts do not come to an end, or do not fit together."""
    return ServiceFailed(
        t("What was read below {base} cannot be relied on: {why}.", base=base, why=why),
        code="incomplete-read",
        hint=t(
            "Run again. If it stays, check that dc_host is a domain controller and nothing rewrites LDAP on the way."
        ),
        values={"base": base, "reason": why},
    )


def another_controller(expected: ControllerIdentity, service: str) -> ServiceFailed:
    """The error for a host name behind which another domain controller, or a restored one, answers now."""
    return ServiceFailed(
        t(
            "Behind {expected_host} another domain controller answers than the one that this change began with.",
            expected_host=expected.host,
        ),
        code="controller-changed",
        hint=t("Name one domain controller in dc_host, not a name that several share, then run again."),
        values={"host": expected.host, "then": expected.ds_service_name, "now": service},
    )
