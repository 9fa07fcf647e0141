"""What an account's rights are judged by: the account, the descriptors that decide, and the schema. Pure.

Groups that do not exist yet stand in the target or the retired OU in thought; ``Place`` names them like the objects
that exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from runbook_lib.directory.rights.descriptor import SecurityDescriptor
from runbook_lib.directory.rights.evaluate import Token
from runbook_lib.model.cloud import Switch


class Place(Enum):
    """An object whose descriptor decides."""

    TARGET = "target"
    RETIRED = "retired"
    TARGET_GROUP = "target-group"
    """A group that this account created in the target OU."""
    RETIRED_GROUP = "retired-group"
    """The same group after it was moved to the retired OU."""
    DOMAIN = "domain"
    DELETED_OBJECTS = "deleted-objects"


OU_OF = {Place.TARGET_GROUP: Place.TARGET, Place.RETIRED_GROUP: Place.RETIRED}
GROUP_IN = {ou: group for group, ou in OU_OF.items()}


@dataclass(frozen=True, slots=True)
class Holder:
    """An object with its descriptor; without one ``why`` says what stood in the way."""

    dn: str
    descriptor: SecurityDescriptor | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class GroupHolder:
    """A group of ours that exists; ``descriptor`` is None where it could not be read."""

    dn: str
    sid: str | None
    descriptor: SecurityDescriptor | None


@dataclass(frozen=True, slots=True)
class Account:
    """The account that writes.

    Attributes:
        name: ``DOMAIN\\name`` for dsacls; the SID where the name is not known.
        sid: Its SID.
        token: Its own SID, those of all its groups in this domain, and those that everybody has.
        creates_as: SID that owns what it creates: its own, or Domain Admins ([MS-ADTS] 6.1.3.5).
    """

    name: str
    sid: str
    token: Token
    creates_as: str


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the answers depend on.

    Attributes:
        group_default: defaultSecurityDescriptor of the class group; None where it could not be read or understood.
        types: Attribute (as spelled in this project) to its GUID and, if it has one, its property set's, from the
            forest's own schema. An attribute that is not here does not exist.
        groups: Groups of ours in the two OUs.
        listed: Whether this account was seen to list deleted objects, or to be refused. By default not even
            administrators may read the access list of their container.
    """

    account: Account
    places: Mapping[Place, Holder]
    group_default: SecurityDescriptor | None
    types: Mapping[str, tuple[str, ...]]
    groups: tuple[GroupHolder, ...] = ()
    listed: Switch = Switch.UNKNOWN
