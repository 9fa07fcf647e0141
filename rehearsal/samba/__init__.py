"""A real Active Directory domain controller, Samba's, in the place of the embedded directory."""
