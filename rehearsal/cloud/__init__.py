"""Microsoft Entra sign-in and Microsoft Graph of the rehearsal, one https server."""
