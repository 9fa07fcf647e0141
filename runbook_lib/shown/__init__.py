"""How results look: in a notebook and on a terminal. ``views`` gathers what a notebook's cells show."""
