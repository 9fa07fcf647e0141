"""What the checks of mail flow were not shown, and how to look at it by other means."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_lib.exchange.mail import ACCEPTED_DOMAINS, ADDRESS_POLICIES, LOOK, NEEDED, SINCE
from runbook_lib.exchange.versions import SCHEMA_REFERENCE, Tools, tools_of
from runbook_lib.model.cloud import Switch
from runbook_lib.model.finding import Finding, Severity
from runbook_lib.model.text import Text, t
from runbook_lib.preflight.assess import NothingToCheck
from runbook_lib.preflight.evidence import Evidence
from runbook_lib.preflight.parts import EXCHANGE_FACTS, MAIL_FLOW

SOURCE_PAGE = "MicrosoftDocs/OfficeDocs-Exchange, set-up-microsoft-365-groups.md (2021)"
"""What Microsoft wrote about mail to groups from on premises."""

NO_ORGANIZATION = NothingToCheck(t("There is no Exchange organization."))
NO_DOMAIN = NothingToCheck(t("The groups have no mail domain of their own."))
_SETUP_MAKES = {ACCEPTED_DOMAINS: t("Exchange Server 2007 and newer"), ADDRESS_POLICIES: t("every release")}


def tools_in(evidence: Evidence) -> Tools:
    """What the organization is managed with; of both kinds where Exchange could not be read."""
    facts = evidence.get(EXCHANGE_FACTS)
    return facts.tools if facts else tools_of(Switch.UNKNOWN, Switch.UNKNOWN)


def how_to_look(evidence: Evidence, what: Text) -> Text:
    """How to look at something by the tool that the organization has."""
    tools, (shell, manager) = tools_in(evidence), LOOK[what]
    if tools.shell is Switch.ON:
        return t("Look with {shell} in the Exchange Management Shell", shell=shell)
    if tools.shell is Switch.OFF:
        return t("Look in Exchange System Manager {at}", at=manager)
    return t(
        "Look with {shell} in the Exchange Management Shell (Exchange Server 2007 or newer), or look in Exchange "
        "System Manager {at} (2000 and 2003)",
        shell=shell,
        at=manager,
    )


def not_in_schema(evidence: Evidence, what: Text) -> Iterator[Finding]:
    """The finding where the schema lacks what holds ``what``."""
    missing = sorted(evidence[MAIL_FLOW].absent & set(NEEDED[what]))
    if missing:
        yield Finding(
            id=f"mail-flow-not-in-schema:{what.replace(' ', '-')}",
            severity=Severity.UNKNOWN,
            seen=t(
                "The schema has no {missing}, so {what} cannot be read over LDAP.",
                missing=", ".join(missing),
                what=what,
            ),
            expected=t("A schema of {since} or newer.", since=SINCE[what]),
            why=t("What cannot be read is not known to be absent."),
            to_do=t("{look}, then acknowledge this finding.", look=how_to_look(evidence, what)),
            source=SCHEMA_REFERENCE,
            values={"what": what, "missing": missing},
            acknowledgeable=True,
        )


def without_value(evidence: Evidence, what: Text, names: list[str], attribute: str) -> Finding:
    """Objects that are there without what they are read for."""
    return Finding(
        id=f"mail-value-absent:{attribute}",
        severity=Severity.UNKNOWN,
        seen=t(
            "{names_count} of the {what} show no {attribute}: {names}.",
            names_count=len(names),
            what=what,
            attribute=attribute,
            names=", ".join(names[:5]),
        ),
        expected=t("A value on each."),
        why=t(
            "Whether they are about the groups' domains cannot be determined: the value is absent, or "
            "hidden from this account."
        ),
        to_do=t("{look}, then acknowledge this finding.", look=how_to_look(evidence, what)),
        values={"attribute": attribute, "names": names},
        acknowledgeable=True,
    )


def nothing_visible(evidence: Evidence, what: Text, id_: str) -> Finding:
    """The finding where an organization shows nothing of what its setup makes."""
    return Finding(
        id=id_,
        severity=Severity.UNKNOWN,
        seen=t(
            "The Exchange organization shows this account no {what}; the setup of {setup_makes} makes one.",
            what=what,
            setup_makes=_SETUP_MAKES[what],
        ),
        expected=t("An account that may read the configuration partition, as every account normally may."),
        why=t("What is hidden cannot be determined from what is absent."),
        to_do=t("{look}, with an account of the Exchange administrators.", look=how_to_look(evidence, what)),
        acknowledgeable=True,
    )
