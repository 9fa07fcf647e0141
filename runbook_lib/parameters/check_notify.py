"""Who is told how a run ended: what can be wrong with an entry of ``notify``. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from runbook_lib.model.addresses import is_host, is_https
from runbook_lib.model.change_window import MalformedWindow, parse_window
from runbook_lib.model.text import NOTHING, Text, t
from runbook_lib.parameters.model import Parameters
from runbook_lib.parameters.model_notify import NotifyParameter
from runbook_lib.parameters.problems import Complaint
from runbook_lib.secrets.reference import REFERENCE_HINT, MalformedReference, parse_reference

_MAIL = re.compile(r"[^@\s<>,;\"]+@[A-Za-z0-9.-]+")
_REFERENCES = ("address_from", "sign_with", "password_from")
_OF_MAIL = ("sender", "recipients", "user", "password_from")
_OF_WEB = ("address_from", "hosts", "sign_with")


def notify(parameters: Parameters) -> Iterator[Complaint]:
    """Entries that nobody could be told by."""
    names = Counter(entry.name for entry in parameters.notify)
    for number, entry in enumerate(parameters.notify):
        if names[entry.name] > 1:
            yield Complaint(
                ("notify", number, "name"), t("is the name of another entry, too"), "notify-name", t("Name each once.")
            )
        for part, what, hint in _of_entry(entry):
            yield Complaint(("notify", number, part), what, "bad-notify", hint)


def records_url(parameters: Parameters) -> Iterator[Complaint]:
    """An address of the records folder that is none."""
    if parameters.records_url and not is_https(parameters.records_url, with_path=True):
        yield Complaint(
            ("records_url",),
            t("is not an https address"),
            "malformed-url",
            t("Write for example https://records.contoso.com/gwb; empty: messages name the folder on this machine."),
        )


def _of_entry(entry: NotifyParameter) -> Iterator[tuple[str, Text, Text]]:
    for part in _REFERENCES:
        if text := getattr(entry, part):
            try:
                parse_reference(text)
            except MalformedReference as error:
                yield part, error.why, REFERENCE_HINT
    if entry.quiet:
        try:
            parse_window(entry.quiet)
        except MalformedWindow as error:
            yield "quiet", error.why, t('Write days, times and a time zone: "daily 22:00-07:00 Europe/Madrid".')
    for part in _OF_WEB if entry.by == "email" else _OF_MAIL:
        if getattr(entry, part):
            yield part, t("is of no use with by: {by}", by=entry.by), t("Leave it out.")
    yield from _of_mail(entry) if entry.by == "email" else _of_web(entry)


def _of_mail(entry: NotifyParameter) -> Iterator[tuple[str, Text, Text]]:
    if not _is_mail_server(entry.address):
        yield (
            "address",
            t("is not the address of a mail server"),
            t("Write smtp://mail.contoso.com:587 (STARTTLS) or smtps://mail.contoso.com:465 (TLS at once)."),
        )
    if not _MAIL.fullmatch(entry.sender):
        yield "sender", t("is not a mail address"), NOTHING
    if not entry.recipients or not all(map(_MAIL.fullmatch, entry.recipients)):
        yield "recipients", t("must hold mail addresses"), NOTHING
    if bool(entry.user) != bool(entry.password_from):
        missing = "password_from" if entry.user else "user"
        yield missing, t("is missing: an account needs a name and a password"), NOTHING


def _of_web(entry: NotifyParameter) -> Iterator[tuple[str, Text, Text]]:
    if bool(entry.address) == bool(entry.address_from):
        yield "address", t("or address_from is needed, and not both"), NOTHING
    if entry.address and entry.by != "webhook":
        yield (
            "address",
            t("would put a secret into the parameters: whoever has it can write to the channel"),
            t("Keep the address as a secret, and name that in address_from."),
        )
    elif entry.address and not is_https(entry.address, with_path=True):
        yield "address", t("is not an https address"), NOTHING
    if entry.address_from and not (entry.hosts and all(map(is_host, entry.hosts))):
        yield "hosts", t("must name the hosts that the address may have"), t('Write for example ["hooks.slack.com"].')
    if entry.by == "webhook" and not entry.sign_with:
        yield "sign_with", t("is missing: a receiver cannot tell who sent an unsigned message"), REFERENCE_HINT
    if entry.by != "webhook" and entry.sign_with:
        yield "sign_with", t("is of no use with by: {by}", by=entry.by), t("Leave it out.")


def _is_mail_server(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("smtp", "smtps") and plain and is_host(parts.hostname or "") and port != 0
