"""Setting up for one's own tenant: what is asked, how each answer is checked, and the two files that come of it."""
