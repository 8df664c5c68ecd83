"""Turns at the interpreter: one thread of a process reads an answer at a time.

Sixteen threads that parse at once do not get more done than one, since the interpreter is held by one of them at a time; they
only hand it to each other, every millisecond and at every call that lets go of it. In turns, 12,000 postings take a third less
(docs/adr/0016 has the figures), and whoever waits for the network or the database gets its share sooner.
"""

from __future__ import annotations

import threading
from typing import Final

computing: Final = threading.Lock()
"""Held while an answer is decoded or its rows are read: for milliseconds, never across a request or a wait."""
