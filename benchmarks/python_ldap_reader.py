"""python-ldap reads the searches that standard input names (JSON): what AD readings are measured beside.

Run by whatever Python has python-ldap; it needs nothing else of this project.
"""

from __future__ import annotations

import json
import sys

import ldap
from ldap.controls import SimplePagedResultsControl


def main() -> int:
    """Read, and print the number of objects and of requests."""
    told = json.load(sys.stdin)
    connection = ldap.initialize(told["url"])
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, told["ca_file"])
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.simple_bind_s(told["user"], told["password"])
    objects = requests = 0
    for base, filter_, attributes in told["searches"]:
        page = SimplePagedResultsControl(True, size=told["page"], cookie="")
        while True:
            number = connection.search_ext(base, ldap.SCOPE_SUBTREE, filter_, attributes, serverctrls=[page])
            _, data, _, controls = connection.result3(number)
            objects, requests = objects + len(data), requests + 1
            page.cookie = next(one.cookie for one in controls if one.controlType == page.controlType)
            if not page.cookie:
                break
    print(objects, requests)
    return 0


if __name__ == "__main__":
    sys.exit(main())
