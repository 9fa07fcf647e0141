"""A small program that uses python-ldap; run by Debian's Python. Reads JSON, prints JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import ldap  # type: ignore[import-not-found,unused-ignore]
import ldap.controls
import ldap.controls.libldap
import ldap.schema

told = json.load(sys.stdin)
ldap.set_option(ldap.OPT_X_TLS_CACERTFILE, told["ca_file"])
ldap.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
ldap.set_option(ldap.OPT_REFERRALS, 0)
connection = ldap.initialize(told["url"])
connection.simple_bind_s(told["user"], told["password"])
ou, base = told["ou"], told["base"]
answer: dict[str, object] = {}

# pages
pages, people, cookie = [], [], ""
while True:
    control = ldap.controls.libldap.SimplePagedResultsControl(True, size=3, cookie=cookie)
    number = connection.search_ext(ou, ldap.SCOPE_SUBTREE, "(objectClass=contact)", ["cn"], serverctrls=[control])
    _, found, _, controls = connection.result3(number)
    pages.append(len(found))
    people += [dn for dn, _ in found]
    cookie = controls[0].cookie
    if not cookie:
        break
answer["pages"] = pages

# a group, its members, what is refused
group = f"CN=Stranger,{ou}"
values = {"objectClass": [b"group"], "sAMAccountName": [told["name"].encode()], "groupType": [b"8"]}
connection.add_s(group, list(values.items()))
connection.modify_s(group, [(ldap.MOD_ADD, "member", [dn.encode() for dn in people])])
((_, entry),) = connection.search_s(group, ldap.SCOPE_BASE, "(objectClass=*)", ["member"])
answer["members"] = len(entry["member"])
refused = []
actions: list[Callable[[], object]] = [
    lambda: connection.modify_s(f"CN=missing,{ou}", [(ldap.MOD_REPLACE, "info", [b"x"])]),
    lambda: connection.add_s(group, list(values.items())),
    lambda: connection.modify_s(group, [(ldap.MOD_DELETE, "info", None)]),
    lambda: connection.delete_s(ou),
]
for action in actions:
    try:
        action()
    except ldap.LDAPError as error:
        refused.append(type(error).__name__)
answer["refused"] = refused

# the descriptor, by the SD flags control
flags = ldap.controls.RequestControl("1.2.840.113556.1.4.801", True, bytes.fromhex("3003020107"))
number = connection.search_ext(group, ldap.SCOPE_BASE, "(objectClass=*)", ["nTSecurityDescriptor"], serverctrls=[flags])
((_, entry),) = connection.result3(number)[1]
answer["descriptor"] = entry["nTSecurityDescriptor"][0][:1].hex()

# deleted objects
connection.rename_s(group, "CN=Stranger 2")
connection.delete_s(f"CN=Stranger 2,{ou}")
shown = ldap.controls.RequestControl("1.2.840.113556.1.4.417", True, None)
condition = f"(&(isDeleted=TRUE)(sAMAccountName={told['name']}))"
number = connection.search_ext(f"CN=Deleted Objects,{base}", ldap.SCOPE_SUBTREE, condition, ["cn"], serverctrls=[shown])
answer["deleted"] = len([dn for dn, _ in connection.result3(number)[1] if dn])

# the schema, as this client parses it
subschema = connection.search_subschemasubentry_s()
raw = connection.read_subschemasubentry_s(subschema)
kinds = ldap.schema.SubSchema(raw).get_obj(ldap.schema.ObjectClass, "group")
answer["group_attributes"] = kinds is not None
connection.unbind_s()
json.dump(answer, sys.stdout)
