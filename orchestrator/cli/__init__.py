"""The command line: one file per group of verbs. The only place that prints and exits."""

from __future__ import annotations

import gc
import os

# Pydantic looks for plugins in the metadata of every installed package when it is imported. This program uses none, and the
# search takes a tenth of the time of `orchestrate validate`. Only the command says so: who imports the package decides alone.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

# The collector would look a hundred times through what imports and answers leave, and find nothing: a tenth of a short run's
# time. Cycles are rare here, so it may wait until there is a lot to look through.
gc.set_threshold(100_000, 20, 20)
