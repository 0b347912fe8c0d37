// The library's sentences in the words of spikescan.jax; spikescan/_sentences.py has those of the other Python faces.
#pragma once

#include <string>

namespace spikescan_xla {

// Names what Python knows where the sentence names members of C structs and numbers of C enums. Only what tracing
// cannot refuse gets here: the words of a key, and a GPU that is missing or full. Of keys both tables have the same
// words (tests/python/package/test_sentences.py); of a missing GPU ours are others, since `scan` has no `backend`.
std::string in_python(std::string sentence);

}  // namespace spikescan_xla
