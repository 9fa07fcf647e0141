"""Contoso's cloud groups of every kind and every history."""

from __future__ import annotations

from functools import cache

from rehearsal.contoso import names
from rehearsal.contoso.awkward import awkward_groups
from rehearsal.contoso.people import Origin, of_origin
from rehearsal.contoso.specification import GroupSpecification, Kind, Writer

_PRIVATE = "Private"


def _keys(origin: Origin, start: int, count: int) -> tuple[str, ...]:
    return tuple(person.key for person in of_origin(origin)[start : start + count])


def _staff(start: int, count: int) -> tuple[str, ...]:
    return _keys(Origin.SYNCHRONIZED, start, count)


def _healthy() -> tuple[GroupSpecification, ...]:
    stories = (names.STALE_DN_USER, names.SID_ONLY_USER, names.MIGRATED_USER)
    converted = (names.CONVERTED_USER, names.PROVISIONED_USER)
    members = {
        "sales-team": _staff(0, 8) + _keys(Origin.GUEST, 0, 1),
        "marketing": _staff(20, 6) + _keys(Origin.CLOUD_ONLY, 0, 1),
        "project-falcon": _staff(40, 10) + _keys(Origin.GUEST, 1, 2) + _keys(Origin.CLOUD_ONLY, 1, 1),
        "ventes-equipe": _staff(60, 5),
        "ingenieria": _staff(80, 7),
        "kundenbetreuung-sued": (*_staff(100, 4), names.VANISHED_USER),
        "finance-controlling": _staff(120, 5),
        "human-resources": _staff(140, 3) + stories,
        "it-operations": _staff(160, 4) + converted,
        "forschung-entwicklung": _staff(180, 9),
    }
    return tuple(
        GroupSpecification(
            key,
            name,
            description=f"{name}: shared mailbox, calendar and files",
            visibility=_PRIVATE,
            members=members[key],
            owners=members[key][:1],
        )
        for key, name in zip(members, names.HEALTHY_GROUPS, strict=True)
    )


def _unified() -> tuple[GroupSpecification, ...]:
    """Microsoft 365 groups that a rule looks at twice."""
    owner = _staff(0, 1)
    large = _staff(0, names.LARGE_GROUP_MEMBERS)
    return (
        GroupSpecification("all-staff", names.LARGE_GROUP, members=large, owners=owner, visibility=_PRIVATE),
        GroupSpecification("running-club", "Running Club", members=_staff(200, 5), owners=owner, visibility="Public"),
        GroupSpecification("book-club", "Book Club", members=_staff(210, 4), owners=owner, visibility="Public"),
        GroupSpecification(
            "works-council", "Works Council", members=_staff(220, 3), owners=owner, visibility="HiddenMembership"
        ),
        GroupSpecification(
            "berlin-office",
            "Berlin Office",
            members=_staff(230, 6),
            owners=owner,
            visibility=_PRIVATE,
            rule='user.city -eq "Berlin"',
        ),
        GroupSpecification(
            "payroll-apps",
            "Payroll Apps",
            members=_staff(240, 3),
            owners=owner,
            visibility=_PRIVATE,
            security_enabled=True,
        ),
        GroupSpecification(
            "privileged-desk",
            "Privileged Desk",
            members=_staff(250, 2),
            owners=owner,
            visibility=_PRIVATE,
            security_enabled=True,
            role_assignable=True,
        ),
        GroupSpecification("empty-nest", "Empty Nest", owners=owner, visibility=_PRIVATE),
        GroupSpecification(
            "guests-only", "Partners of Fabrikam", members=_keys(Origin.GUEST, 0, 6), owners=owner, visibility=_PRIVATE
        ),
        GroupSpecification(
            "account-collision", "Account Collision", members=_staff(260, 3), owners=owner, visibility=_PRIVATE
        ),
        GroupSpecification(
            "mail-collision", "Mail Collision", members=_staff(270, 3), owners=owner, visibility=_PRIVATE
        ),
    )


def _other_kinds() -> tuple[GroupSpecification, ...]:
    return (
        GroupSpecification(
            "vpn-users",
            "VPN Users",
            Kind.SECURITY,
            members=(*_staff(300, 6), "group:vpn-admins", "device:LAPTOP-0042", "service:Backup Robot"),
        ),
        GroupSpecification("vpn-admins", "VPN Admins", Kind.SECURITY, members=_staff(310, 2)),
        GroupSpecification(
            "intranet-editors",
            "Intranet Editors",
            Kind.SECURITY,
            members=(*_staff(320, 3), "group:app-developers", "group:gg-finance-read"),
        ),
        GroupSpecification(
            "windows-devices",
            "Windows Devices",
            Kind.SECURITY,
            members=("device:LAPTOP-0042", "device:LAPTOP-0043"),
            rule='device.deviceOSType -eq "Windows"',
        ),
        GroupSpecification("role-readers", "Role Readers", Kind.SECURITY, members=_staff(330, 2), role_assignable=True),
        GroupSpecification("finance-approvers", "Finance Approvers", Kind.MAIL_SECURITY, members=_staff(340, 4)),
        GroupSpecification(
            "announcements", "Announcements", Kind.DISTRIBUTION, members=(*_staff(350, 5), "contact:Press Agency")
        ),
        GroupSpecification("press", "Press Contacts", Kind.DISTRIBUTION, members=("contact:Press Agency",)),
    )


def _written() -> tuple[GroupSpecification, ...]:
    """Groups that already have an AD object: originals, converted ones, Microsoft's writers, somebody's."""
    synchronized, connect, cloud_sync = Writer.SYNCHRONIZED, Writer.CONNECT, Writer.CLOUD_SYNC
    dynamic = _staff(380, 2)
    return (
        GroupSpecification(
            "gg-finance-read", "GG-Finance-Read", Kind.SECURITY, members=_staff(360, 5), writer=synchronized
        ),
        GroupSpecification("gg-hr-write", "GG-HR-Write", Kind.SECURITY, members=_staff(370, 3), writer=synchronized),
        GroupSpecification("dl-munich", "DL-Munich", Kind.DISTRIBUTION, members=dynamic, writer=synchronized),
        GroupSpecification(
            "msg-projects", "MSG-Projects", Kind.MAIL_SECURITY, members=_staff(385, 4), writer=synchronized
        ),
        GroupSpecification(
            "legal-archive", "Legal Archive", Kind.SECURITY, members=_staff(390, 4), writer=Writer.CONVERTED
        ),
        GroupSpecification("facilities", "Facilities", members=_staff(400, 4), visibility=_PRIVATE, writer=connect),
        GroupSpecification("purchasing", "Purchasing", members=_staff(410, 5), visibility=_PRIVATE, writer=connect),
        GroupSpecification("travel-desk", "Travel Desk", members=_staff(420, 3), visibility="Public", writer=connect),
        GroupSpecification(
            "app-developers", "App Developers", Kind.SECURITY, members=_staff(430, 6), writer=cloud_sync
        ),
        GroupSpecification(
            "data-analysts",
            "Data Analysts",
            Kind.SECURITY,
            members=(*_staff(440, 4), "group:app-developers"),
            writer=cloud_sync,
        ),
        GroupSpecification("build-agents", "Build Agents", Kind.SECURITY, members=_staff(450, 2), writer=cloud_sync),
        GroupSpecification(
            "reception", "Reception Desk", members=_staff(460, 3), visibility=_PRIVATE, writer=Writer.SOMEBODY
        ),
        GroupSpecification(
            "project-condor", "Project Condor", members=_staff(470, 4), visibility=_PRIVATE, deleted=True
        ),
        GroupSpecification(
            "project-heron", "Project Heron", members=_staff(480, 4), visibility=_PRIVATE, writer=connect, deleted=True
        ),
    )


@cache
def every_group() -> tuple[GroupSpecification, ...]:
    """All cloud groups, deleted items among them, in a fixed order."""
    return (*_healthy(), *_unified(), *_other_kinds(), *_written(), *awkward_groups(_staff(500, 40), _staff(0, 1)))
