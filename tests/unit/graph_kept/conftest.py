"""Contoso's tenant, as the tests of the rehearsal's Graph have it."""

from __future__ import annotations

from tests.unit.rehearsal_cloud.conftest import _contoso, asking, clock

__all__ = ["_contoso", "asking", "clock"]
