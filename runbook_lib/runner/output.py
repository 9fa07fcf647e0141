"""Standard output and standard error of the commands: never a reason to break off.

A console that cannot show a character shows its escape. A reader of a pipe that has gone (``| head``) is no error: what
would still be said is thrown away, and the command goes on to its end and its own exit code. A run that is writing to
AD must not stop half-way because nobody reads its progress.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TextIO

_GONE = (errno.EPIPE, errno.EINVAL) if sys.platform == "win32" else (errno.EPIPE,)
"""What the system says of a pipe that nobody reads."""


class _Leaving(io.FileIO):
    """A descriptor that becomes the null device when its reader has gone."""

    def write(self, data: object, /) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            if error.errno not in _GONE:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(memoryview(data).cast("B"))  # type: ignore[arg-type]


def lenient_output() -> None:
    """Make both streams such that writing to them does not fail for want of a character or of a reader."""
    sys.stdout, sys.stderr = _lenient(sys.stdout), _lenient(sys.stderr)


def _lenient(stream: TextIO) -> TextIO:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is None:
        return stream
    reconfigure(errors="backslashreplace")
    try:
        descriptor = stream.fileno()
        # A console has no reader that leaves, and Windows wants its own kind of file there.
        if stream.isatty() or isinstance(getattr(getattr(stream, "buffer", None), "raw", None), _Leaving):
            return stream
    except (OSError, ValueError):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Leaving(descriptor, "w", closefd=False)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=getattr(stream, "line_buffering", False),
    )
