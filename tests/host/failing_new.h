// The host's memory as it runs out: in a program that links failing_new.cpp, `new` fails while this is set.
#pragma once

namespace spikescan::test {

void set_memory_has_run_out(bool out);

}  // namespace spikescan::test
