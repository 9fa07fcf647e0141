"""Domain controllers of a domain, as DNS names them (SRV records)."""

from __future__ import annotations

from runbook_lib.dns import Resolver, State
from runbook_lib.errors import NoAccess, UsageError
from runbook_lib.model.addresses import is_domain
from runbook_lib.model.text import t
from runbook_lib.model.untrusted import printable


def find_controllers(domain: str, resolver: Resolver) -> tuple[str, ...]:
    """Host names of the domain's controllers, the preferred ones first ([MS-ADTS] 6.3.2.3, SRV records).

    Raises:
        UsageError: No domain name, or DNS knows no controllers of it (``controllers-unknown``).
        NoAccess: DNS gives no answer (``dns-silent``).
    """
    name = domain.strip().lower().rstrip(".")
    if not is_domain(name):
        raise UsageError(
            t("{domain!r} is not a domain name.", domain=printable(domain, limit=80)),
            code="malformed-domain",
            hint=t("Write the DNS name of the AD domain, for example contoso.com or ad.contoso.com."),
        )
    record = f"_ldap._tcp.dc._msdcs.{name}"
    answer = resolver.ask(record, "SRV")
    if answer.state is State.ANSWERED:
        return answer.values
    if answer.state is State.FAILED:
        raise NoAccess(
            t("{source} gave no answer about {record}: {why}", source=resolver.source, record=record, why=answer.why),
            code="dns-silent",
            hint=t("Check the network, or name the domain's DNS servers: -p dns_servers='[\"192.0.2.53\"]'."),
        )
    raise UsageError(
        t("{source} knows no {record}.", source=resolver.source, record=record),
        code="controllers-unknown",
        hint=t(
            "Check the name of the AD domain; name its DNS servers with -p dns_servers='[\"192.0.2.53\"]', or a domain "
            "controller with -p dc_host=dc01.contoso.com."
        ),
    )
