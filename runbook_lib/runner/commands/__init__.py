"""The commands of ``gwb``, one module each."""
