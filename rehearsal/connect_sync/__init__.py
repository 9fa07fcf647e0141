"""Connect Sync's group writeback v1: all Microsoft 365 groups of the tenant to one OU of AD.

Source: Microsoft Entra documentation, "Microsoft Entra Connect group writeback" and "Disable group writeback"; what a
written group looks like also from the rules of the server, as ``Get-ADSyncRule`` shows them in public threads.
"""
