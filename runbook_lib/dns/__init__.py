"""Questions to DNS: the only package that imports dnspython."""
