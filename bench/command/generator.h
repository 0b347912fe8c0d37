// Draws of the CPU's random generator alone, its counters and words in registers: the most elements a second that any
// drawing pass could make. One function for each instruction set.
#pragma once

#include <cstdint>

// The name of an instruction set's function.
#define SPIKESCAN_JOIN_(a, b) a##b
#define SPIKESCAN_JOIN(a, b) SPIKESCAN_JOIN_(a, b)

namespace spikescan::bench {

// Makes at least `draws` words and returns what depends on each of them; *made says how many.
using GeneratorRun = uint32_t (*)(int64_t draws, int64_t* made);

uint32_t generator_baseline(int64_t draws, int64_t* made);
uint32_t generator_neon(int64_t draws, int64_t* made);
uint32_t generator_sse4(int64_t draws, int64_t* made);
uint32_t generator_avx2(int64_t draws, int64_t* made);
uint32_t generator_avx512(int64_t draws, int64_t* made);

}  // namespace spikescan::bench
