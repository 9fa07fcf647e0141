"""What every route shares: plan file, approvals and gate, lock, journal, closing by hand."""
