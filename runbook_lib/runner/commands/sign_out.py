"""``gwb sign-out``: forget the kept sign-in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.errors import NoAccess
from runbook_lib.model.text import t
from runbook_lib.runner import console


@click.command("sign-out")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Parameters file; later files win.",
)
def sign_out(files: Sequence[Path]) -> None:
    """Forget the sign-in that sign_in_cache: encrypted kept.

    It is the one of this computer's account for the tenant and the app of the parameters file. Tokens that were issued
    already stay valid until they end; to end them at once, revoke the person's sessions in Microsoft Entra ID.
    """
    from runbook_lib.graph.sign_in.cache import cache_folder, kept_cache
    from runbook_lib.parameters import load_parameters, project_root, require

    parameters = load_parameters(files, {}, project_root=project_root()).parameters
    require(parameters, "tenant_id", "client_id")
    cache = kept_cache(cache_folder(os.environ), parameters.tenant_id, parameters.client_id)
    known = cache.forget()
    if cache.trouble:
        raise NoAccess(
            t("Nothing can be forgotten: {trouble}.", trouble=cache.trouble),
            code="sign-in-store",
            hint=t("Where the store does not work nothing is kept in it; tokens in memory ended with their run."),
        )
    console.say("The sign-in is forgotten." if known else "No sign-in was kept.")
