"""How results look: in a notebook and on a terminal, one module per kind of result."""
