"""Microsoft Graph: sign-in, transport, readings. Knows nothing of Active Directory."""
