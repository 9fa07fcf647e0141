"""What may be written where, by whom and how much: shared by pre-flight and routes. Pure."""
