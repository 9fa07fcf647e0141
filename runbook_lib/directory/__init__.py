"""Active Directory over LDAP: one pinned writable domain controller, read and written. Knows nothing of Graph."""
