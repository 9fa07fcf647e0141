"""What others have to do, with this organization's values: lines for a PowerShell or a DNS zone.

A finding that has a way out carries it as ``values["hand_off"]``: its kind and the values; several ways are a list.
Here they become text. Existing settings are read before they are changed; a change says what it would do before it does
it (``-WhatIf``). What has no such switch is called so in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.model.finding import Finding
from runbook_lib.preflight.powershell import array, comment, distinguished_name, lines_of, quoted

EXCHANGE = "Exchange Management Shell (on-premises)"
CONNECT = "Windows PowerShell on the Connect Sync server"
AGENT = "Windows PowerShell on each server with a Cloud Sync agent"
EXCHANGE_ONLINE = "Exchange Online PowerShell, then Exchange Management Shell (on-premises)"
IN_SHELL = (EXCHANGE, EXCHANGE_ONLINE)
"""Where lines run that need the Exchange Management Shell on premises."""
DNS = "DNS zone"
DIRECTORY = "PowerShell or a command prompt, as an administrator of the domain"
_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class HandOff:
    """Text to copy.

    Attributes:
        finding: Id of the finding that it answers.
        title: What it does.
        where: Where it is run.
        text: The lines.
    """

    finding: str
    title: str
    where: str
    text: str

    def as_json(self) -> dict[str, str]:
        """JSON form."""
        return {"finding": self.finding, "title": self.title, "where": self.where, "text": self.text}


def hand_offs(findings: Iterable[Finding]) -> tuple[HandOff, ...]:
    """The hand-offs of the findings that have one, in their order."""
    made = []
    for finding in findings:
        given = finding.values.get("hand_off")
        for way in given if isinstance(given, list) else [given]:
            if isinstance(way, Mapping):
                title, where, lines = _MAKERS[str(way["kind"])](way)
                if lines:
                    made.append(HandOff(finding.id, title, where, "\n".join(lines) + "\n"))
    # Several findings can have one answer; the first, the gravest, keeps it.
    return tuple({(offer.where, offer.text): offer for offer in reversed(made)}.values())[::-1]


_Made = tuple[str, str, list[str]]


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, Sequence) and not isinstance(value, str) else []


def _accepted_domain(given: Mapping[str, object]) -> _Made:
    domain = str(given["domain"])
    lines = [
        comment(f"Makes {domain} an internal relay domain: mail for unknown recipients goes on to the cloud."),
        "Get-AcceptedDomain | Format-Table -Property @('Name', 'DomainName', 'DomainType')",
        f"New-AcceptedDomain -Name {quoted(domain)} -DomainName {quoted(domain)} -DomainType InternalRelay -WhatIf",
        comment("The same line without -WhatIf does it."),
    ]
    return f"Accepted domain {domain}", EXCHANGE, lines


def _relay_type(given: Mapping[str, object]) -> _Made:
    name = str(given["name"])
    lines = [
        comment("From here on mail to unknown recipients of this domain goes to the cloud, not refused here."),
        f"Get-AcceptedDomain -Identity {quoted(name)} | Format-List -Property @('Name', 'DomainName', 'DomainType')",
        f"Set-AcceptedDomain -Identity {quoted(name)} -DomainType InternalRelay -WhatIf",
        comment("The same line without -WhatIf does it."),
    ]
    return f"Type of the accepted domain {name}", EXCHANGE, lines


def _address_spaces(given: Mapping[str, object]) -> _Made:
    name = str(given["connector"])
    lines = [
        comment("-AddressSpaces replaces the whole list, so what is there is read first and kept."),
        f"$connector = Get-SendConnector -Identity {quoted(name)}",
        "$present = @($connector.AddressSpaces | ForEach-Object { $_.ToString() })",
        f"$wanted = {array(_texts(given['spaces']))}",
        "$missing = @($wanted | Where-Object { $present -notcontains $_ })",
        "$connector | Format-List -Property @('Name', 'Enabled', 'AddressSpaces', 'SmartHosts')",
        "$missing",
        "$all = $present + $missing",
        "if ($missing) { Set-SendConnector -Identity $connector.Identity -AddressSpaces $all -WhatIf }",
        comment("The same line without -WhatIf does it."),
    ]
    return f"Address spaces of the send connector {name}", EXCHANGE, lines


def _send_connector(given: Mapping[str, object]) -> _Made:
    servers = _texts(given["servers"])
    lines = [
        comment("The Hybrid Configuration Wizard makes this connector with the settings that Microsoft tests: run it"),
        comment("if you can, then run the pre-flight again. By hand:"),
        f"$spaces = {array(_texts(given['spaces']))}",
        f"$servers = {array(servers)}"
        if servers
        else "$servers = @(Get-TransportService | ForEach-Object { $_.Name })",
        "$settings = @{",
        "    Name = 'Outbound to Office 365'",
        "    AddressSpaces = $spaces",
        "    SourceTransportServers = $servers",
        "    DNSRoutingEnabled = $true",
        "    RequireTLS = $true",
        "    TlsAuthLevel = 'DomainValidation'",
        "    TlsDomain = 'mail.protection.outlook.com'",
        "    CloudServicesMailEnabled = $true",
        "}",
        "New-SendConnector @settings -WhatIf",
        comment("The same line without -WhatIf does it."),
    ]
    return "Send connector to the cloud", EXCHANGE, lines


def _address_book(given: Mapping[str, object]) -> _Made:
    rows = [f"Update-Recipient -Identity {quoted(dn)} -WhatIf" for dn in _texts(given["dns"])]
    lines = [
        comment("Puts written-back groups into the address lists, and gives them what transport needs."),
        *rows,
        comment("The same lines without -WhatIf do it. Repeat for groups that arrive later."),
    ]
    return f"Address book: {len(rows)} groups", EXCHANGE, lines


def _mail_contact(given: Mapping[str, object]) -> _Made:
    """Microsoft's alternative: timmcmic, "A different approach to handling Office 365 group mail flow" (2018)."""
    lines = [
        comment("An alternative to writing groups back for mail: a contact with the group's address that forwards"),
        comment("to the tenant. One of the two for each group. First line of each: Exchange Online; then on premises."),
        comment(
            "The same lines without -WhatIf do it. Set-MailContact finds the contact once New-MailContact made it."
        ),
    ]
    given_groups = given["groups"]
    groups = given_groups if isinstance(given_groups, Sequence) else ()
    for row in groups:
        name, address, routing = _texts(row)
        contact = f"Set-MailContact -Identity {quoted(routing)}"
        in_cloud = f"Set-UnifiedGroup -Identity {quoted(address)}"
        lines += [
            f"{in_cloud} -EmailAddresses @{{Add = {quoted(f'smtp:{routing}')}}} -WhatIf",
            f"New-MailContact -Name {quoted(name[:64])} -ExternalEmailAddress {quoted(routing)} -WhatIf",
            f"{contact} -EmailAddressPolicyEnabled $false -WhatIf",
            f"{contact} -EmailAddresses @{{Add = {quoted(f'smtp:{address}')}}} -WhatIf",
        ]
    return "Mail contacts instead of written-back groups", EXCHANGE_ONLINE, lines if groups else []


def _mx(given: Mapping[str, object]) -> _Made:
    domain = str(given["domain"])
    if not _DOMAIN.fullmatch(domain):
        return "", DNS, []
    key = domain.replace(".", "-")
    lines = [
        f"; The Microsoft 365 admin center shows the exact target for {domain}; usually it is this:",
        f"{domain}. 3600 IN MX 0 {key}.mail.protection.outlook.com.",
    ]
    return f"MX record of {domain}", DNS, lines


def _autodiscover(given: Mapping[str, object]) -> _Made:
    domain = str(given["domain"])
    if not _DOMAIN.fullmatch(domain):
        return "", DNS, []
    return (
        f"Autodiscover of {domain}",
        DNS,
        [f"autodiscover.{domain}. 3600 IN CNAME autodiscover.outlook.com."],
    )


def _connect_server(_: Mapping[str, object]) -> _Made:
    """Where the build stands: Microsoft Entra documentation, "Verify your version of cloud sync or connect sync"."""
    program = quoted(r"C:\Program Files\Microsoft Azure AD Connect\AzureADConnect.exe")
    names = array(["*GroupWriteBack*", "*ExportDeletionThreshold*", "*StagingMode*", "*SchedulerSuspended*"])
    lines = [
        comment("Reads only. Build of Connect Sync, its schedule, its writeback features, their OU and their rules."),
        f"(Get-Item -LiteralPath {program}).VersionInfo.ProductVersion",
        "Import-Module -Name ADSync",
        "Get-ADSyncScheduler | Format-List",
        "Get-ADSyncAADCompanyFeature | Format-List -Property @('UnifiedGroupWriteback', 'GroupWritebackV2')",
        f"$names = {names}",
        "$settings = (Get-ADSyncGlobalSettings).Parameters",
        "$settings | Where-Object { $name = $_.Name; @($names | Where-Object { $name -like $_ }) } |",
        "    Format-Table -Property @('Name', 'Value')",
        "Get-ADSyncConnector | Where-Object { $_.ConnectorTypeName -eq 'AD' } |",
        "    ForEach-Object { $_.GlobalParameters['Connector.GroupWriteBackContainerDn'].Value }",
        "Get-ADSyncRule | Where-Object { $_.Name -like '*SOAInAAD*' -or $_.Name -like '*Group Writeback*' } |",
        "    Format-Table -Property @('Name', 'Direction', 'Disabled')",
    ]
    return "What only the Connect Sync server knows", CONNECT, lines


def _cloud_sync_agent(_: Mapping[str, object]) -> _Made:
    program = quoted(r"C:\Program Files\Microsoft Azure AD Connect Provisioning Agent\AADConnectProvisioningAgent.exe")
    lines = [
        comment("Reads only. Version and state of the agent; 1.1.2334.0 or later is expected."),
        f"(Get-Item -LiteralPath {program}).VersionInfo.ProductVersion",
        "Get-Service -Name 'AADConnectProvisioningAgent' | Format-List -Property @('Name', 'Status', 'StartType')",
    ]
    return "What only the servers of Cloud Sync's agents know", AGENT, lines


def _rights(given: Mapping[str, object]) -> _Made:
    grants, account = given["grants"], str(given["account"])
    listed = grants if isinstance(grants, Sequence) and not isinstance(grants, str) else ()
    grantable = [facts for facts in listed if isinstance(facts, Mapping)]
    granting = [line for facts in grantable for line in lines_of(facts, account)]
    looking = [f"dsacls {distinguished_name(facts)}" for facts in grantable]
    lines = [
        comment("dsacls has no -WhatIf: what adds an entry acts at once. What is there now shows first:"),
        *dict.fromkeys(looking),
        comment("This adds the entries, and removes none:"),
        *dict.fromkeys(granting),
    ]
    return f"Rights: {given['what']}", DIRECTORY, lines if granting else []


_MAKERS: dict[str, Callable[[Mapping[str, object]], _Made]] = {
    "accepted-domain": _accepted_domain,
    "relay-type": _relay_type,
    "address-spaces": _address_spaces,
    "send-connector": _send_connector,
    "address-book": _address_book,
    "mail-contact": _mail_contact,
    "mx": _mx,
    "autodiscover": _autodiscover,
    "connect-server": _connect_server,
    "cloud-sync-agent": _cloud_sync_agent,
    "rights": _rights,
}
KINDS = frozenset(_MAKERS)
"""Kinds of hand-offs that findings may name."""
