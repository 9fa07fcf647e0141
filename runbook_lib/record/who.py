"""Who ran it: the account and the host of the process, before either side was signed in to.

The account is the one the system knows, not what the environment says about it.
"""

from __future__ import annotations

import os
import platform
import sys


def account() -> str:
    """Name of the account that this process runs as; its number where it has no name."""
    if sys.platform == "win32":
        try:
            return os.getlogin()
        except OSError:
            return ""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def run_by() -> dict[str, object]:
    """What a record says about who runs it when the run begins; both sides have not been signed in to yet."""
    return {"account": account(), "host": platform.node(), "cloud": None, "directory": None}
