"""The library's sentences in the words of the Python faces: it names members of C structs and numbers of C enums.

python/xla/sentences.cpp has those of what only JAX's custom calls find, of keys in the same words
(tests/python/package/test_sentences.py).
"""

from __future__ import annotations

import re

_OUTPUTS = r"(spikes|membrane|final_state\[\d\])"
# In this order; each is applied wherever it fits.
_RULES = (
    # A key in memory, and the origin of `scan`'s own arguments.
    (r"device_key->(batch|time|channel)_origin", r"key's \1 origin"),
    (r"device_key->reserved is", "the upper half of key's stream is"),
    (r"^(batch|time|channel)_origin", r"origin's \1"),
    (r"with (batch|time|channels) \((\d+)\)", r"with x's \1 (\2)"),
    # Numbers of enums.
    (r"spikes of dtype BITS32 \(4\)", "spikes 'bits32'"),
    (r"\b(AUTO|CPU|CUDA) \(\d\)", lambda found: repr(found[1].lower())),
    # What the caller wants written has its place in `out`.
    (r"\bgrad_(x|beta|alpha|initial_state\[\d\])(?= \(from|\.)", r"out.\1"),
    (rf"(?<![\w.]){_OUTPUTS}(?= \(from|\.)", r"out.\1"),
    (r"^saved(?= \(from)", "out.saved"),  # further on it is a backward pass's input
    # Pointers and strides.
    (r"^(\S+?)(?:\.data)? is (0x[0-9a-f]+); it must be a", r"\1's memory begins at \2; it must begin at a"),
    (r"(\S+)\.stride_(batch|time) is", r"\1's stride along \2 is"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), words) for pattern, words in _RULES)


def in_python(sentence: str) -> str:
    for pattern, words in _COMPILED:
        sentence = pattern.sub(words, sentence)
    return sentence
