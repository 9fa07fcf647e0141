"""Kerberos errors in words.

The library gives a GSS-API major code (RFC 2744, section 3.9.1) and a minor one; those of Kerberos are the error
numbers of the protocol (RFC 4120, section 7.5.9) and of the library's own table, both counted from the same base
(krb5.h of MIT Kerberos). Active Directory's KDC tells less than its LDAP server: one number stands for an account that
is disabled, locked out or expired (MS-KILE 3.3.5).
"""

from __future__ import annotations

from typing import NamedTuple

from runbook_lib.errors import NoAccess
from runbook_lib.model.text import Text, t
from runbook_lib.model.untrusted import printable
from runbook_lib.secrets.sources import scrubbed

_BASE = 2**32 - 1765328384
"""Number with which MIT Kerberos's table of errors begins, as 32 bits without a sign."""
_NO_CREDENTIALS = 7 << 16
"""GSSAPI error GSS_S_NO_CRED, in its bits of the major status (RFC 2744, 3.9.1), as the two below."""
_CREDENTIALS_EXPIRED = 11 << 16
"""GSSAPI error GSS_S_CREDENTIALS_EXPIRED."""
_BAD_BINDINGS = 4 << 16
"""GSSAPI error GSS_S_BAD_BINDINGS."""


class _Row(NamedTuple):
    reason: str
    title: Text
    hint: Text


_TICKET = t("Get a ticket with kinit, or name a keytab in kerberos_keytab (or KRB5_CLIENT_KTNAME).")
_CLOCKS = t("Set this machine's clock by the domain's: Kerberos allows five minutes by default.")
_KDC = t("Check krb5.conf (realm, kdc or DNS) and that port 88 of a domain controller can be reached.")
_SERVICE = t(
    "Name the domain controller in dc_host as its own service principal does, by its "
    "full DNS name: an alias, an address or a name that several share has none. "
    "krb5.conf may map the name to the wrong realm, or resolve it to another one (rdns, "
    "dns_canonicalize_hostname)."
)
_KEYTAB = t("Check kerberos_keytab, and that bind_user is one of its principals (klist -k FILE).")

_BY_NUMBER: dict[int, _Row] = {
    1: _Row("account-expired", t("the account has expired"), t("Have its expiry date changed.")),
    6: _Row("account-unknown", t("the realm knows no such account"), t("Check bind_user: name@REALM.")),
    7: _Row("service-unknown", t("the realm knows no such service"), _SERVICE),
    12: _Row(
        "logon-restricted",
        t("the account may not sign in at this hour or from this computer"),
        t("Change its logon hours or allowed workstations, or run at another time."),
    ),
    14: _Row(
        "no-common-encryption", t("client and domain share no kind of encryption"), t("Make a keytab with AES keys.")
    ),
    18: _Row(
        "account-revoked",
        t("the account is disabled, locked out or expired (Kerberos does not say which)"),
        t("Look at the account in Active Directory; a password sign-in would tell which."),
    ),
    23: _Row(
        "password-expired",
        t("the account's password has expired or must be changed first"),
        t("Set a new password, and make the keytab anew."),
    ),
    24: _Row(
        "wrong-password",
        t("the key is not the account's any more"),
        t("Make the keytab anew: the password was changed since."),
    ),
    31: _Row("service-mismatch", t("the domain controller cannot read the ticket"), _SERVICE),
    32: _Row("ticket-expired", t("the ticket has expired"), _TICKET),
    35: _Row("service-mismatch", t("the ticket is for another service"), _SERVICE),
    37: _Row("clock-skew", t("the clocks differ too much"), _CLOCKS),
    41: _Row("service-mismatch", t("the domain controller cannot read the ticket"), _SERVICE),
    45: _Row("service-mismatch", t("the domain controller has no key for the ticket"), _SERVICE),
    68: _Row("realm-unknown", t("the realm is not the account's"), t("Check bind_user: name@REALM.")),
    135: _Row(
        "no-configuration", t("krb5.conf cannot be read"), t("Check the variable KRB5_CONFIG, or /etc/krb5.conf.")
    ),
    141: _Row("no-ticket", t("there is no ticket"), _TICKET),
    148: _Row("clock-skew", t("the clocks differ too much"), _CLOCKS),
    154: _Row("kdc-unreachable", t("krb5.conf names no server of the realm"), _KDC),
    156: _Row("kdc-unreachable", t("no key distribution centre of the realm answers"), _KDC),
    181: _Row("keytab", t("the keytab has no key of this account"), _KEYTAB),
    184: _Row("keytab", t("the keytab cannot be read"), _KEYTAB),
    195: _Row("no-ticket", t("there is no ticket"), _TICKET),
    220: _Row("kdc-unreachable", t("the address of the realm's key distribution centre cannot be found"), _KDC),
    224: _Row("realm-unknown", t("krb5.conf names no default realm"), t("Set default_realm in krb5.conf.")),
}

_BY_MAJOR: dict[int, _Row] = {
    _BAD_BINDINGS: _Row(
        "channel-binding",
        t("the server did not accept the channel binding"),
        t("Something between here and the domain controller ends TLS: name the domain controller itself."),
    ),
    _NO_CREDENTIALS: _Row("no-ticket", t("there is no ticket"), _TICKET),
    _CREDENTIALS_EXPIRED: _Row("ticket-expired", t("the ticket has expired"), _TICKET),
}

_OTHER = _Row("kerberos", t("signing in by Kerberos failed"), t("Look at the words of the Kerberos library."))


def kerberos_error(*, major: int, minor: int, said: str, user: str, service: str) -> NoAccess:
    """The error for a GSS-API failure; always code ``bind-refused``, as for a password, with ``reason`` in its values.

    Args:
        major: GSS-API major code, routine error and all.
        minor: Minor code as the library gives it, signed or not.
        said: The library's own text.
        user: The principal, empty for the ticket cache's own.
        service: The service principal that was asked for, ``ldap@host``.
    """
    row = _BY_NUMBER.get((minor - _BASE) % 2**32) or _BY_MAJOR.get(major & 0xFF0000) or _OTHER
    who = f" as {printable(user, limit=200)}" if user else ""
    return NoAccess(
        t(
            "Kerberos does not sign in{who} to {service}: {reason}. The library says: {said}",
            who=who,
            service=printable(service, limit=300),
            reason=row.title,
            said=scrubbed(said, limit=300),
        ),
        code="bind-refused",
        hint=row.hint,
        values={"user": user, "reason": row.reason, "service": service, "major": major, "minor": minor % 2**32},
    )
