"""A small Active Directory to practise and test on: an LDAP server over a store with AD's rules."""

from rehearsal.directory.holds import WriteHolds
from rehearsal.directory.server import DirectoryServer
from rehearsal.directory.store import DirectoryStore

__all__ = ["DirectoryServer", "DirectoryStore", "WriteHolds"]
