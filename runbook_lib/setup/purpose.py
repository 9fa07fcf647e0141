"""What the groups are for decides type and route: nobody has to know the words of AD first. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_lib.model.target import Route
from runbook_lib.model.text import Text, t


@dataclass(frozen=True, slots=True)
class GroupPurpose:
    """One thing that groups are written for.

    Attributes:
        name: What is answered.
        title: What is asked, from the view of whoever needs the groups.
        follows: What comes of it, in one sentence.
        route: Who writes them.
        group_type: Parameter ``group_type``; empty where the route decides.
        kinds: Parameter ``select_kinds``.
    """

    name: str
    title: Text
    follows: Text
    route: Route
    group_type: str
    kinds: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters that follow."""
        typed = {"group_type": self.group_type} if self.group_type else {}
        return {
            "route": self.route.value,
            **typed,
            "select_kinds": list(self.kinds),
            "check_routes": [self.route.value],
        }


PURPOSES = (
    GroupPurpose(
        "rights-security",
        t("Rights on files and applications, for cloud security groups, written by Microsoft Entra Cloud Sync"),
        t("Cloud Sync writes them as universal security groups: Microsoft's supported route. It needs an agent."),
        Route.CLOUD_SYNC,
        "",
        ("security",),
    ),
    GroupPurpose(
        "rights-direct",
        t("Rights on files and applications, for chosen groups of any kind, Microsoft 365 groups included"),
        t("This runbook writes them over LDAP as universal security groups."),
        Route.DIRECT,
        "security",
        ("microsoft-365", "security"),
    ),
    GroupPurpose(
        "mail-all",
        t("Mail from mailboxes on premises to Microsoft 365 groups: all of them, as Exchange hybrid does it"),
        t("Connect Sync writes every Microsoft 365 group with its mail attributes; none can be left out."),
        Route.CONNECT_SYNC,
        "",
        ("microsoft-365",),
    ),
    GroupPurpose(
        "mail-chosen",
        t("Mail from mailboxes on premises to chosen Microsoft 365 groups"),
        t(
            "This runbook writes them as lists of members (distribution, no rights) and hands over the lines that make "
            "a mail contact for each."
        ),
        Route.DIRECT,
        "distribution",
        ("microsoft-365",),
    ),
    GroupPurpose(
        "members",
        t("A list of members that applications read in AD: no rights, no mail"),
        t("This runbook writes them as universal distribution groups."),
        Route.DIRECT,
        "distribution",
        ("microsoft-365", "security"),
    ),
)


def purpose_of(name: str) -> GroupPurpose | None:
    """The purpose of this name, or None."""
    return next((one for one in PURPOSES if one.name == name.strip().casefold()), None)
