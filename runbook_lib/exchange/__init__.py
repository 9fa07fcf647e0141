"""Exchange as Active Directory shows it: read over LDAP, then told in words by pure functions."""
