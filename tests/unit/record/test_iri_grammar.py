"""No command spends a second on a grammar that nothing uses."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module", ["runbook_lib.runner.run", "runbook_lib.runner.kernel.engine", "runbook_lib.record.executed"]
)
def test_a_module_that_imports_nbformat_leaves_the_grammar_out(module: str) -> None:
    code = f"import sys, {module}, nbformat; print(sys.modules['rfc3987_syntax'], 'lark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "False"]
