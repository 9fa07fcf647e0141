"""Contoso: the data of both sides of the rehearsal. Everything is derived from names, so it is the same every time."""
