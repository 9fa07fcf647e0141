"""Where secrets come from, what they look like, and how they stay out of everything that is written."""
