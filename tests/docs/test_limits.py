"""The limits of the operator guide are those of the code."""

from __future__ import annotations

from pathlib import Path

from runbook_lib import deadline
from runbook_lib.directory import reader, reconnect, wire
from runbook_lib.graph import session, transport
from runbook_lib.graph.retry import RetryPolicy
from runbook_lib.graph.sender import WHOLE
from runbook_lib.parameters import file_text, problems, validate, yaml_tree
from runbook_lib.parameters.model import Parameters
from runbook_lib.preflight import derived
from runbook_lib.runner.options import USUAL_CHECK_LIMIT, USUAL_TIME_LIMIT
from runbook_lib.secrets import sources

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "operator-guide.md"
MB = 1024 * 1024


def test_every_limit_is_in_the_guide() -> None:
    told, policy = Parameters.model_validate({}), RetryPolicy()
    times = f"{deadline.ANSWER_TIMES} times that"
    rows = {
        "a run": USUAL_TIME_LIMIT,
        "a pre-flight (`gwb check`)": USUAL_CHECK_LIMIT,
        "Graph or sign-in: tries of an answer that is damaged": f"{policy.damaged_attempts}",
        "Graph or sign-in: next part of an answer": f"{told.cloud_timeout} s",
        "Graph or sign-in: a whole answer, asked for twice": times,
        "Graph or sign-in: one request with all its tries": f"{policy.longest_total:.0f} s",
        "Graph or sign-in: a Retry-After that is obeyed": f"{policy.longest_wait:.0f} s",
        "Graph or sign-in: size of an answer, unpacked": f"{session.LARGEST_ANSWER // MB} MB",
        "Graph: pages of one collection; empty ones in a row": (
            f"{transport.MOST_PAGES:,}; {transport.MOST_EMPTY_PAGES}"
        ),
        "Graph: length of a link to the next page": f"{transport.LONGEST_LINK:,} characters",
        "domain controller: next part of an answer": f"{told.dc_timeout} s",
        "domain controller: a whole answer, asked for once": times,
        "domain controller: size of an answer; entries in it": (
            f"{reconnect.LARGEST_LDAP_ANSWER // MB} MB; {reconnect.MOST_MESSAGES:,}"
        ),
        "domain controller: pages of one search; empty ones in a row": (
            f"{reader.MOST_SEARCH_PAGES:,}; {reader.MOST_EMPTY_SEARCH_PAGES}"
        ),
        "domain controller: values of one attribute; pieces of them": (f"{wire.MOST_VALUES:,}; {wire.MOST_PIECES:,}"),
        "Cloud Sync, pre-flight: groups whose members are counted; empty ones looked up": (
            f"{derived.MOST_COUNTED:,}; {derived.MOST_LOOKED_AT:,}"
        ),
        "DNS: one question, all tries and servers": f"{told.dns_timeout} s",
        "a parameters file; one text in it; levels; problems told": (
            f"{file_text.LARGEST_FILE:,} bytes; {validate.LONGEST_TEXT:,} characters; {yaml_tree.DEEPEST_YAML}; "
            f"{problems.MOST_SHOWN}"
        ),
        "a password file; a file with certificates": f"{sources.LARGEST_SECRET:,} bytes; {sources.LARGEST_PEM:,} bytes",
    }
    assert (policy.slow_attempts, WHOLE) == (2, 200)
    text = GUIDE.read_text(encoding="utf-8")
    for name, value in rows.items():
        assert f"| {name} | {value}" in text, name
