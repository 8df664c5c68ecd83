"""The default embedding model without LlamaIndex: a table of one vector a token, summed up and brought to length one.

Origin: the table `l2_supercat` of the package wordllama (MIT licence), 32,000 tokens x 256 dimensions, float16, 16 MB. Its
authors trained it from the token embeddings of Llama 2 70B, phi-3-medium and others that share Llama 2's tokenizer. Both
files come with the package; nothing is ever downloaded.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestrator.errors import JobError, MissingExtra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.kinds.ingest.words import Words

DIMENSIONS: Final = 256
_TOKENIZER: Final = "tokenizers/l2_supercat_tokenizer_config.json"
_WEIGHTS: Final = "weights/l2_supercat_256.safetensors"
_AT_ONCE: Final = 256
_loading: Final = threading.Lock()


class WordTable:
    """Embeds texts with the table; thread-safe. A text's vector doesn't depend on the texts it is embedded with."""

    def __init__(self, tokenizer: Any, weights: NDArray[np.float32], words: Words) -> None:
        self.tokenizer = tokenizer
        self.weights = weights
        self._words = words

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row of length one for each text; a text without tokens gets zeros."""
        import numpy as np

        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            self._sum_up(texts[start : start + _AT_ONCE], rows[start : start + _AT_ONCE])
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        np.divide(rows, lengths, out=rows, where=lengths > 0)
        return rows

    def _sum_up(self, texts: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Gather each token of a text once, weighted by its count: a third of the memory traffic of gathering all."""
        import numpy as np

        size, many = len(self.weights), len(texts)
        owners, tokens = self._words.tokens(texts)
        tokens, counts = np.unique(owners * size + tokens, return_counts=True)
        bounds = np.searchsorted(tokens, np.arange(many + 1) * size)
        tokens %= size
        weights = counts.astype(np.float32)
        gathered = np.empty((int(np.diff(bounds).max()), DIMENSIONS), dtype=np.float32)
        for row, first, last in zip(rows, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            vectors = gathered[: last - first]
            self.weights.take(tokens[first:last], axis=0, out=vectors, mode="clip")  # The default mode copies once more.
            np.dot(weights[first:last], vectors, out=row)


def load_table() -> WordTable:
    """Return the table, loaded once in a process. Raises MissingExtra, or JobError if it isn't in the package."""
    with _loading:
        return _load()


@cache
def _load() -> WordTable:
    package = find_spec("wordllama")
    if package is None or package.submodule_search_locations is None:
        raise MissingExtra("the default embedding", "ingest")
    folder = Path(package.submodule_search_locations[0])
    try:
        import numpy as np
        from safetensors import safe_open
        from tokenizers import Tokenizer

        from orchestrator.kinds.ingest.words import Words
    except ImportError as error:
        raise MissingExtra("the default embedding", "ingest") from error
    if not (folder / _TOKENIZER).is_file() or not (folder / _WEIGHTS).is_file():
        raise JobError(
            "the installed wordllama doesn't contain the table that is expected",
            code="embedding-failed",
            hint="pip install 'wordllama>=0.4.0.post1,<0.5'",
        )
    tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with safe_open(folder / _WEIGHTS, "numpy") as tensors:
        weights = tensors.get_tensor("embedding.weight").astype(np.float32)
    return WordTable(tokenizer, weights, Words(tokenizer))
