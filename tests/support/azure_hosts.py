"""What Azure sets in the environment of its hosts."""

from __future__ import annotations

IDENTITY_VARIABLES = (
    *("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT"),
    *("MSI_ENDPOINT", "MSI_SECRET", "AZURE_POD_IDENTITY_AUTHORITY_HOST", "ACC_CLOUD"),
)
"""Variables by which msal knows where a managed identity comes from."""
