// Kernels of PTX files, run on the CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ptx {

// The PTX files' kernels may be launched from now on. Throws what parse() does.
void add_file(const std::string& path);

// Runs the whole grid, a few blocks side by side. `arguments` are as cudaLaunchKernel takes them. A fault prints its
// sentence and ends the process: the calling library has nowhere to throw to.
void launch(const std::string& kernel, std::uint32_t blocks, std::uint32_t threads, void** arguments,
            std::size_t shared_bytes);

// Instructions that all threads took since the start.
std::uint64_t executed();

// How many kernels were launched since the start, how often, and the instructions that they took.
std::string summary();

// The kernels whose names, with their template arguments, have `part` in them and that nothing has launched.
std::vector<std::string> never_launched(const std::string& part);

// Of a kernel that was launched: its instructions, and the lines (in its own text) of those that no thread has come to.
struct Coverage {
  std::string kernel;
  std::size_t instructions;
  std::vector<int> never_ran;
};
std::vector<Coverage> coverage();

}  // namespace ptx
