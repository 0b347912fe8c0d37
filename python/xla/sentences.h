// The library's sentences in the words of spikescan.jax; spikescan/_sentences.py has those of the other Python faces.
#pragma once

#include <string>

namespace spikescan_xla {

// Names arguments of Python where the sentence names members of C structs. Only what tracing cannot refuse gets here:
// the words of a key, and decays, which have one name in both.
std::string in_python(std::string sentence);

}  // namespace spikescan_xla
