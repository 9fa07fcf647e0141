"""Certificates of servers that tests start: made once for each process, since an RSA key takes a tenth of a second."""

from __future__ import annotations

from functools import cache

from rehearsal.certificates import Certificates, make_certificates, utc_now


@cache
def shared_certificates() -> Certificates:
    """One CA with its server and its client. Tests about strangers' certificates make their own."""
    return make_certificates(utc_now())
