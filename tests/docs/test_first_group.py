"""What the page for the first group says of addresses and certificates is so."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runbook_lib.directory.sign_in.bind import PORTS
from runbook_lib.graph.sign_in.certificate import load_certificate
from runbook_lib.parameters.connections import clouds
from tests.docs.markdown import ROOT, code_blocks, section, table_rows

PAGE = (ROOT / "docs" / "first-group.md").read_text(encoding="utf-8")


def test_the_addresses_are_those_of_every_cloud() -> None:
    rows = table_rows(section(PAGE, "## 1. The machine"))

    named = {word.strip(",") for row in rows for word in row[0].split() if "." in word}
    assert named == {urlsplit(url).hostname for cloud in clouds() for url in (cloud.graph_url, cloud.authority_url)}
    ldap = next(row[1] for row in rows if "domain controller" in row[0])
    assert [int(word) for word in ldap.replace(";", " ").split() if word.isdecimal()] == list(PORTS.values())


@pytest.mark.skipif(os.name != "posix" or not shutil.which("openssl"), reason="lines for a POSIX shell with openssl")
def test_the_lines_of_openssl_make_a_file_that_signs_in(tmp_path: Path) -> None:
    lines = next(block for block in code_blocks(PAGE) if block.startswith("umask"))

    subprocess.run(["/bin/sh", "-ec", lines], cwd=tmp_path, check=True, capture_output=True)

    made = load_certificate(tmp_path / "client.pem")
    assert made.certificate.strip() == (tmp_path / "client.cer").read_text(encoding="ascii").strip()
