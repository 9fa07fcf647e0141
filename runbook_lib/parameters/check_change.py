"""The change: which groups, what is attested and acknowledged, where its records go. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from string import Formatter

from runbook_lib.errors import Refused
from runbook_lib.files import LONGEST_CHANGE_ID, safe_change_id
from runbook_lib.model.addresses import is_domain, is_web_address
from runbook_lib.model.change_window import MalformedWindow, parse_window
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import NOTHING, joined, t, verbatim
from runbook_lib.parameters.connections import split_server
from runbook_lib.parameters.model import Parameters, parse_day
from runbook_lib.parameters.problems import Complaint
from runbook_lib.parameters.yaml_text import Location


def with_acknowledgements(findings: Iterable[Finding], parameters: Parameters, today: date) -> tuple[Finding, ...]:
    """The findings, those that somebody accepted (and whose day has not passed) as information with the name."""
    accepted = {item.finding: item for item in parameters.acknowledge if today <= parse_day(item.until)}
    return tuple(
        replace(
            finding,
            severity=Severity.INFO,
            to_do=t(
                "Acknowledged by {by} until {until}: {reason}",
                by=accepted[finding.id].by,
                until=accepted[finding.id].until,
                reason=accepted[finding.id].reason,
            ),
        )
        if finding.acknowledgeable and finding.id in accepted
        else finding
        for finding in findings
    )


def require_acknowledged(findings: Iterable[Finding], parameters: Parameters) -> None:
    """Refuse while a blocking finding is left.

    Args:
        findings: From ``with_acknowledgements``.
        parameters: To tell an acknowledgement that has ended from one that never was.

    Raises:
        Refused: ``finding-not-acknowledged``.
    """
    known = {item.finding for item in parameters.acknowledge}
    left = list({one.id: one for one in findings if one.severity is Severity.BLOCKING}.values())
    if not left:
        return
    first = left[0]
    ended = joined((verbatim(one.id) for one in left if one.id in known), ", ")
    values = {"finding": first.id, "ended": first.id in known, "findings": [one.id for one in left]}
    if len(left) > 1:
        raise Refused(
            t(
                "{number} findings are not acknowledged: {ids}.{ended} {seen}",
                number=len(left),
                ids=joined((verbatim(one.id) for one in left), ", "),
                ended=t(" These were acknowledged until a day that is past: {ids}.", ids=ended) if ended else NOTHING,
                seen=joined((one.seen for one in left), " "),
            ),
            code="finding-not-acknowledged",
            hint=t(
                "Each is told above, with what to do. For the first: {to_do} In the parameters file: acknowledge "
                "with finding, by, reason and until, once for each.",
                to_do=first.to_do,
            ),
            values=values,
        )
    raise Refused(
        t(
            "The finding {finding_id} is not acknowledged.{ended} {seen}",
            finding_id=first.id,
            ended=t(" Its acknowledgement has ended.") if ended else NOTHING,
            seen=first.seen,
        ),
        code="finding-not-acknowledged",
        hint=t("{to_do} In the parameters file: acknowledge with finding, by, reason and until.", to_do=first.to_do),
        values=values,
    )


def change_id(parameters: Parameters) -> Iterator[Complaint]:
    """A name of a change that cannot name its folder."""
    if parameters.change_id and not safe_change_id(parameters.change_id):
        yield Complaint(
            ("change_id",),
            t("cannot name a folder on every system"),
            "bad-change-id",
            t(
                "Use at most {longest} letters, digits, hyphens, underscores and dots, beginning with a letter or "
                "digit, and no name that Windows or the records folder keep for themselves.",
                longest=LONGEST_CHANGE_ID,
            ),
        )


def records_dir(parameters: Parameters) -> Iterator[Complaint]:
    """No folder for records."""
    if not parameters.records_dir:
        yield Complaint(("records_dir",), t("is empty"), "empty-records-dir", t('The default is "records".'))


def lease(parameters: Parameters) -> Iterator[Complaint]:
    """A lease in which hardly one write has room."""
    least = 3 * parameters.dc_timeout
    if 0 < parameters.lease_seconds < least:
        yield Complaint(
            ("lease_seconds",),
            t("is shorter than three times dc_timeout ({least} s)", least=least),
            "lease-too-short",
            t("In the last dc_timeout of a lease no write is sent, and it is renewed four times in its length."),
            beside=("dc_timeout",),
        )


def approvers(parameters: Parameters) -> Iterator[Complaint]:
    """An entry that names nobody: it would close the gate to everybody without saying so."""
    for number, entry in enumerate(parameters.approvers):
        if not entry.strip().removeprefix("account:").removeprefix("group:").removeprefix("signer:").strip():
            yield Complaint(
                ("approvers", number),
                t("names nobody"),
                "empty-approver",
                t('Write a name, "account:NAME", "group:NAME" or "signer:NAME"; an empty list lets anybody approve.'),
            )
        elif entry.strip().startswith("signer:") and not parameters.trusted_signers:
            yield Complaint(
                ("approvers", number),
                t("names a signer, and no signer is trusted"),
                "signer-without-trust",
                t("Name the folder with the keys of signers in trusted_signers."),
            )


def time_stamps(parameters: Parameters) -> Iterator[Complaint]:
    """A time stamp authority that is no address, or lacks what its stamps are of or checked with."""
    url = parameters.time_stamp_url
    if not url:
        return
    if not is_web_address(url, ("http", "https"), with_path=True):
        yield Complaint(
            ("time_stamp_url",),
            t("is not an address"),
            "malformed-url",
            t("Write for example http://timestamp.contoso.com."),
        )
    for name in ("signing_key", "time_stamp_ca_file"):
        if not getattr(parameters, name):
            yield Complaint(
                (name,),
                t("is missing: a time stamp is of a signature, and is checked with a certificate"),
                "incomplete-time-stamp",
            )


def change_windows(parameters: Parameters) -> Iterator[Complaint]:
    """Change windows that are none."""
    for number, text in enumerate(parameters.change_windows):
        try:
            parse_window(text)
        except MalformedWindow as error:
            yield Complaint(
                ("change_windows", number),
                error.why,
                "malformed-window",
                t('Write days, times and a time zone: "Sat 22:00-04:00 Europe/Madrid" or "Mon-Fri 18:30-23:00 UTC".'),
            )


_SAM_FORBIDDEN = re.compile(r'["/\\\[\]:;|=,+*?<>@]|[\x00-\x1f]')  # Microsoft Open Specifications, MS-SAMR 3.1.1.6


def selected_names(parameters: Parameters) -> Iterator[Complaint]:
    """Empty names of groups."""
    for name in ("select_names", "disable_names"):
        for number, text in enumerate(getattr(parameters, name)):
            if not text.strip():
                yield Complaint((name, number), t("is empty"), "empty-name")


def sam_pattern(parameters: Parameters) -> Iterator[Complaint]:
    """A pattern that makes no sAMAccountName, or the same one for every group."""
    pattern = parameters.sam_account_name_pattern
    wrong = NOTHING
    try:
        pieces = list(Formatter().parse(pattern))
    except ValueError:
        pieces = []
    names = [name for _, name, _, _ in pieces if name is not None]
    plain = all(not spec and conversion is None for _, _, spec, conversion in pieces)
    if not names or not plain or any(name not in ("id", "id12") for name in names):
        wrong = t("must hold {{id12}} or {{id}} and no other braces: names have to differ from group to group")
    elif found := next((m for literal, *_ in pieces if (m := _SAM_FORBIDDEN.search(literal))), None):
        wrong = t("holds the character {group!r}, which a sAMAccountName cannot have", group=found.group())
    elif pattern != pattern.strip() or pattern.endswith("."):
        wrong = t("begins or ends with a space, or ends with a dot")
    elif len(pattern.replace("{id12}", "0" * 12).replace("{id}", "0" * 36)) > 256:
        wrong = t("is longer than the 256 characters of a sAMAccountName")
    if wrong:
        yield Complaint(("sam_account_name_pattern",), wrong, "bad-sam-pattern", t("The default is Group_{{id12}}."))


def mail_domain_of_groups(parameters: Parameters) -> Iterator[Complaint]:
    """A mail domain of groups that is no domain name."""
    domain = parameters.groups_domain
    if domain and not is_domain(domain):
        yield Complaint(
            ("groups_domain",),
            t("is not a domain name"),
            "malformed-domain",
            t("Write for example groups.contoso.com."),
        )


def last_days(parameters: Parameters) -> Iterator[Complaint]:
    """Last days that are no days."""
    values: list[tuple[Location, str]] = [
        (("acknowledge", number, "until"), item.until) for number, item in enumerate(parameters.acknowledge)
    ]
    if parameters.attest_connect_v1_off_until:
        values.append((("attest_connect_v1_off_until",), parameters.attest_connect_v1_off_until))
    for location, text in values:
        if not _is_day(text):
            yield Complaint(location, t("is not a day"), "malformed-date", t('Write the day as "2027-01-31".'))


def _is_day(text: str) -> bool:
    try:
        day: date = parse_day(text)
    except ValueError:
        return False
    return day.isoformat() == text


def attestation(parameters: Parameters) -> Iterator[Complaint]:
    """An attestation without its name or its last day."""
    by, until = parameters.attest_connect_v1_off_by, parameters.attest_connect_v1_off_until
    if bool(by) != bool(until):
        missing = "attest_connect_v1_off_until" if by else "attest_connect_v1_off_by"
        yield Complaint(
            (missing,),
            t("is missing: an attestation needs a name and a last day"),
            "incomplete-attestation",
            beside=(missing,),
        )


def dns_servers(parameters: Parameters) -> Iterator[Complaint]:
    """DNS servers that are no addresses."""
    for number, text in enumerate(parameters.dns_servers):
        if split_server(text) is None:
            yield Complaint(
                ("dns_servers", number),
                t("is not the address of a DNS server"),
                "malformed-dns-server",
                t(
                    "Write an IP address, and a port where it is not 53: 192.0.2.53, 192.0.2.53:5353, "
                    "[2001:db8::53]:5353."
                ),
            )


def check_routes(parameters: Parameters) -> Iterator[Complaint]:
    """No route to look at."""
    if not parameters.check_routes:
        yield Complaint(("check_routes",), t("names no route"), "empty-check-routes", t('The default is ["direct"].'))


_EXTENSION = re.compile(r"extension_[0-9a-f]{32}_[A-Za-z][A-Za-z0-9_]*")


def extension_property(parameters: Parameters) -> Iterator[Complaint]:
    """A name that no directory extension has (Microsoft Graph documentation, "extensionProperty resource type")."""
    name = parameters.cloud_sync_group_dn_property
    if name and not _EXTENSION.fullmatch(name):
        yield Complaint(
            ("cloud_sync_group_dn_property",),
            t("is not the full name of a directory extension"),
            "malformed-extension",
            t("Write extension_, the application id without hyphens in lower case, and _ with its name."),
        )
