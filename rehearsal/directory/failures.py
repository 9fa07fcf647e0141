"""LDAP results other than success, worded as Active Directory words them.

Codes: RFC 4511, appendix A. The hexadecimal number at the beginning is a Windows error code ([MS-ERREF], section 2.2);
DSID values name a place in Windows' source and differ between its versions, so one stands for all.
"""

from __future__ import annotations

from urllib.parse import quote

SUCCESS, OPERATIONS_ERROR, PROTOCOL_ERROR, TIME_LIMIT, SIZE_LIMIT, COMPARE_FALSE, COMPARE_TRUE = range(7)
AUTH_METHOD, STRONGER_AUTH, REFERRAL, ADMIN_LIMIT, CRITICAL_EXTENSION = 7, 8, 10, 11, 12
NO_SUCH_ATTRIBUTE, INAPPROPRIATE_MATCHING, CONSTRAINT, VALUE_EXISTS, INVALID_SYNTAX = 16, 18, 19, 20, 21
NO_SUCH_OBJECT, INVALID_DN, INVALID_CREDENTIALS, INSUFFICIENT_RIGHTS = 32, 34, 49, 50
BUSY, UNAVAILABLE, UNWILLING, NAMING, OBJECT_CLASS, NOT_ON_NON_LEAF, NOT_ON_RDN = 51, 52, 53, 64, 65, 66, 67
ENTRY_EXISTS, CLASS_MODS_PROHIBITED, MULTIPLE_DSAS, OTHER = 68, 69, 71, 80

_BUILD = "v4563"


class LdapError(Exception):
    """An operation that does not succeed: result code, diagnostic message, matched DN, referral."""

    def __init__(self, code: int, message: str, *, matched_dn: str = "", referral: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.matched_dn = matched_dn
        self.referral = referral


def ldap_error(code: int, number: str, comment: str, data: str = "0") -> LdapError:
    """A fault that the LDAP layer of AD finds before the directory is asked."""
    return LdapError(code, f"{number}: LdapErr: DSID-0C090D8A, comment: {comment}, data {data}, {_BUILD}")


def bind_refused(data: str = "52e") -> LdapError:
    """The bind of an account is refused; ``data`` is the Windows error in hexadecimal.

    525 no such account, 52e name and password do not fit, 530 not at this time, 531 not from this workstation,
    532 password expired, 533 account disabled, 701 account expired, 773 password must be changed, 775 locked out.
    """
    return ldap_error(INVALID_CREDENTIALS, "80090308", "AcceptSecurityContext error", data)


def bind_required() -> LdapError:
    """Nothing but the root DSE can be read anonymously."""
    comment = "In order to perform this operation a successful bind must be completed on the connection."
    return ldap_error(OPERATIONS_ERROR, "000004DC", comment)


def signing_required() -> LdapError:
    """A simple bind in the clear where the controller requires signing."""
    comment = (
        "The server requires binds to turn on integrity checking if SSL\\TLS are not already active on the connection"
    )
    return ldap_error(STRONGER_AUTH, "00002028", comment)


def inappropriate_matching() -> LdapError:
    """A filter asks for a constructed attribute ([MS-ADTS], section 3.1.1.3.1.3.1; the words were not seen)."""
    return ldap_error(INAPPROPRIATE_MATCHING, "0000202E", "Constructed attributes cannot be searched for")


def base_scope_only() -> LdapError:
    """The groups of a token are computed for one object at a time; number and words were not seen."""
    return service_error(OPERATIONS_ERROR, "000020EF", "5012 (DIR_ERROR)")


def undecodable() -> LdapError:
    """Octets that are no LDAP message; the connection ends after this."""
    return ldap_error(PROTOCOL_ERROR, "00000057", "Error decoding ldap message")


def service_error(code: int, number: str, problem: str) -> LdapError:
    """A fault of the directory service as a whole."""
    return LdapError(code, f"{number}: SvcErr: DSID-031A1254, problem {problem}, data 0\n")


def governed_by_cloud() -> LdapError:
    """A policy of AD object enforcement: not access denied (documented); number and words were not seen."""
    return service_error(UNWILLING, "000021FC", "5003 (WILL_NOT_PERFORM: the object is managed by a cloud SOA policy)")


def busy() -> LdapError:
    """Too much to do at the moment."""
    return service_error(BUSY, "0000200E", "5001 (BUSY)")


def unavailable() -> LdapError:
    """Shutting down, or not up yet."""
    return service_error(UNAVAILABLE, "0000200F", "5002 (UNAVAILABLE)")


def admin_limit() -> LdapError:
    """A limit of the query policy other than number of entries and time."""
    return service_error(ADMIN_LIMIT, "00002024", "5008 (ADMIN_LIMIT_EXCEEDED)")


def range_beyond_values() -> LdapError:
    """A range of a linked attribute that begins behind its last value ([MS-ADTS], section 3.1.1.3.4.1.22)."""
    return service_error(OPERATIONS_ERROR, "00002121", "5012 (DIR_ERROR)")


def unknown_attribute() -> LdapError:
    """An attribute that the schema does not have: noSuchAttribute, not undefinedAttributeType."""
    return ldap_error(NO_SUCH_ATTRIBUTE, "00000057", "Error in attribute conversion operation")


def invalid_value() -> LdapError:
    """A value that does not fit the syntax, the empty string included."""
    return ldap_error(INVALID_SYNTAX, "00000057", "Error in attribute conversion operation")


def control_refused(code: int = CRITICAL_EXTENSION) -> LdapError:
    """A critical control that is not supported, or one whose value cannot be read."""
    return ldap_error(code, "00000057", "Error processing control")


def name_error(
    number: str, problem: str, best_match: str, code: int = NO_SUCH_OBJECT, *, matched: bool = True
) -> LdapError:
    """A fault in a name. ``best_match`` is the DN of the nearest object that exists."""
    message = f"{number}: NameErr: DSID-03100241, problem {problem}, data 0, best match of:\n\t'{best_match}'\n"
    return LdapError(code, message, matched_dn=best_match if matched else "")


def no_such_object(best_match: str) -> LdapError:
    """Nothing answers to the name."""
    return name_error("0000208D", "2001 (NO_OBJECT)", best_match)


def no_such_member() -> LdapError:
    """A value that must name an object names none."""
    return name_error("00000525", "2001 (NO_OBJECT)", "", matched=False)


def bad_name(text: str) -> LdapError:
    """A malformed DN."""
    message = f"0000208F: NameErr: DSID-03100233, problem 2006 (BAD_NAME), data 8349, best match of:\n\t'{text}'\n"
    return LdapError(INVALID_DN, message)


def naming_violation(best_match: str) -> LdapError:
    """Wrong RDN attribute for the class, or a class that may not stand below its parent."""
    return name_error("00002099", "2005 (NAMING_VIOLATION)", best_match, NAMING, matched=False)


def referral(host: str, name: str = "") -> LdapError:
    """Somebody else answers for the DN ``name``: it lies outside this server's naming contexts, or is written there."""
    message = f"0000202B: RefErr: DSID-0310084A, data 0, 1 access points\n\tref 1: '{host}'\n"
    return LdapError(REFERRAL, message, referral=ldap_url(host, name))


def ldap_url(host: str, name: str) -> str:
    """``ldap://host/DN`` with the octets of the DN escaped that a URL may not hold (RFC 4516)."""
    return f"ldap://{host}/{quote(name, safe='=,+;')}"


def insufficient_rights() -> LdapError:
    """The account may not do that there."""
    message = "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n"
    return LdapError(INSUFFICIENT_RIGHTS, message)


def update_error(code: int, number: str, problem: str) -> LdapError:
    """A fault of an update as a whole."""
    return LdapError(code, f"{number}: UpdErr: DSID-031A11E2, problem {problem}, data 0\n")


def unwilling(number: str) -> LdapError:
    """Understood, and refused."""
    return service_error(UNWILLING, number, "5003 (WILL_NOT_PERFORM)")


def exists(number: str = "00002071") -> LdapError:
    """00002071: the RDN is taken; 00000524: the account name is; 00000562: a member already."""
    return update_error(ENTRY_EXISTS, number, "6005 (ENTRY_EXISTS)")


def class_violation(number: str = "0000207D") -> LdapError:
    """0000207D: the class does not allow the attribute; 0000207C: an attribute is missing."""
    return update_error(OBJECT_CLASS, number, "6002 (OBJ_CLASS_VIOLATION)")


def attribute_error(code: int, number: str, problem: str, attribute: str, length: int | None = None) -> LdapError:
    """A fault of one attribute; ``length`` is that of the value refused, in octets of UTF-16."""
    tail = f", data 0, Att 0 ({attribute})" + ("" if length is None else f":len {length}")
    dsid = "DSID-03151785"
    message = f"{number}: AtrErr: {dsid}, #1:\n\t0: {number}: {dsid}, problem {problem}{tail}\n"
    return LdapError(code, message)


def value_exists(attribute: str, number: str = "00002083") -> LdapError:
    """The value is there already."""
    return attribute_error(VALUE_EXISTS, number, "1006 (ATT_OR_VALUE_EXISTS)", attribute)


def value_missing(attribute: str) -> LdapError:
    """The value, or the whole attribute, that is to be deleted is not there."""
    return attribute_error(NO_SUCH_ATTRIBUTE, "00002085", "1001 (NO_ATTRIBUTE_OR_VAL)", attribute)


def constraint(attribute: str, number: str, length: int | None = None) -> LdapError:
    """00002081: single-valued; 00002082: out of range; 000020B1: the system's own; 000021C8: not unique."""
    return attribute_error(CONSTRAINT, number, "1005 (CONSTRAINT_ATT_TYPE)", attribute, length)
