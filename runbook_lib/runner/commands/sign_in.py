"""A device code on a terminal, and ``gwb sign-out``, which forgets what is kept for an account between runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_lib.errors import NoAccess, ServiceFailed
from runbook_lib.model.text import Text, t
from runbook_lib.runner import console
from runbook_lib.runner.options import files_option

if TYPE_CHECKING:
    from runbook_lib.graph.sign_in.device_code import DeviceCode


class TerminalPrompt:
    """Shows a device code on standard error."""

    def show(self, code: DeviceCode) -> None:
        """What to do, in one line."""
        from runbook_lib.shown.sign_in import sign_in_text

        console.warn(sign_in_text(code))

    def close(self, text: Text) -> None:
        """How it ended."""
        console.warn(text)


def terminal_prompt() -> TerminalPrompt | None:
    """A prompt if a person reads standard error, else None."""
    return TerminalPrompt() if sys.stderr.isatty() else None


@click.command("sign-out")
@files_option(required=True)
def sign_out(files: Sequence[Path]) -> None:
    """Forget the sign-in and the reading that were kept.

    They are what sign_in_cache and keep_cloud_reading kept on this computer for your account, the tenant and the app of
    the parameters file. Tokens that were issued already stay valid until they end; to end them at once, revoke the
    person's sessions in Microsoft Entra ID.
    """
    from runbook_lib.graph.kept.place import kept_file
    from runbook_lib.graph.sign_in.cache import cache_folder, kept_cache
    from runbook_lib.parameters.load import load_parameters
    from runbook_lib.parameters.paths import project_root
    from runbook_lib.parameters.validate import require
    from runbook_lib.reading_file import NotKept

    parameters = load_parameters(files, {}, project_root=project_root()).parameters
    require(parameters, "tenant_id", "client_id")
    folder = cache_folder(os.environ)
    try:
        removed = kept_file(folder, f"{parameters.tenant_id}.{parameters.client_id}", None).remove()
    except NotKept as error:
        raise ServiceFailed(
            t("What was read of the tenant cannot be removed from {folder}: {why}.", folder=folder, why=error.why),
            code="reading-not-removed",
            hint=t("Remove the file that ends in .cloud-reading.sqlite by hand."),
        ) from None
    if removed:
        console.print_line(t("What was read of the tenant is not kept any more."))
    cache = kept_cache(folder, parameters.tenant_id, parameters.client_id)
    known = cache.forget()
    if cache.trouble:
        if removed:  # a computer that encrypts nothing has kept no sign-in
            return
        raise NoAccess(
            t("Nothing can be forgotten: {trouble}.", trouble=cache.trouble),
            code="sign-in-store",
            hint=t("Where the store does not work nothing is kept in it; tokens in memory ended with their run."),
        )
    console.print_line(t("The sign-in is forgotten.") if known else t("No sign-in was kept."))
