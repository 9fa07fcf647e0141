"""AD object enforcement: marked objects that a policy lets only some accounts change.

Source: "Microsoft Entra AD object enforcement (Preview)", Microsoft Entra documentation, August 2026. A policy stands
below ``CN=SOA-Policies,CN=System`` of the domain; its keyword says Enforced or Audit, msDS-Settings lists the SIDs
that may (64 at most; one that is invalid or stale keeps the whole list from being loaded, and then nobody may). What
carries msDS-ObjectSoa can then be added and deleted, and not modified, moved or restored. The class of the policy
object and the numbers in the error are not documented; here every object in the container counts.
"""

from __future__ import annotations

from rehearsal.directory import failures
from rehearsal.directory.rights import SYSTEM
from rehearsal.directory.state import DirectoryState
from rehearsal.directory.tree import Guid, Node
from runbook_lib.directory.search import sid_bytes, sid_text

MARK = "msDS-ObjectSoa"
_MOST_SIDS = 64


def check(state: DirectoryState, account: Guid, node: Node) -> None:
    """Refuse a modify, a move or a restore of a marked object to who is not on an enforced policy's list.

    Raises:
        LdapError: It is refused.
    """
    if account == SYSTEM or MARK not in node.attributes:
        return
    container = state.tree.find(f"CN=SOA-Policies,CN=System,{state.domain_of(node.guid).base_dn}")
    for guid in state.tree.children(container.guid) if container is not None else ():
        policy = state.tree.nodes[guid]
        if b"enforced" in {word.lower() for word in policy.attributes.get("keywords", ())}:
            listed = _listed(state, policy)
            if sid_text(state.tree.nodes[account].attributes["objectSid"][0]) not in listed:
                raise failures.governed_by_cloud()


def _listed(state: DirectoryState, policy: Node) -> frozenset[str]:
    """The SIDs of the list; none where it cannot be loaded."""
    found = set()
    for value in policy.attributes.get("msDS-Settings", ()):
        try:
            octets = sid_bytes(value.decode("ascii").upper())
        except (ValueError, OverflowError):
            return frozenset()
        if not any(not state.tree.nodes[guid].deleted for guid in state.tree.indexed("objectSid", octets)):
            return frozenset()
        found.add(sid_text(octets))
    return frozenset() if len(found) > _MOST_SIDS else frozenset(found)
