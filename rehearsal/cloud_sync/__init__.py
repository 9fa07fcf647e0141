"""Cloud Sync of the rehearsal: the documents that a configuration is made of, and the engine that writes groups to AD.

What the engine does follows from Microsoft's documentation alone. It shares the reader of mapping expressions with the
runbook, whose tests are Microsoft's examples, and decides everything else by itself: so that the runbook's prediction
is held against something that is not the runbook.
"""
