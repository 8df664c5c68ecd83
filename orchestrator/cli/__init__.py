"""The command line: one file per group of verbs. The only place that prints and exits."""

from __future__ import annotations

import os

# Pydantic looks for plugins in the metadata of every installed package when it is imported. This program uses none, and the
# search takes a tenth of the time of `orchestrate validate`. Only the command says so: who imports the package decides alone.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
