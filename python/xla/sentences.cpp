#include "python/xla/sentences.h"

#include <string_view>

namespace spikescan_xla {
namespace {

struct Rule {
  std::string_view library, python;
};

constexpr Rule kRules[] = {
    {"device_key->batch_origin", "key's batch origin"},
    {"device_key->time_origin", "key's time origin"},
    {"device_key->channel_origin", "key's channel origin"},
    {"device_key->reserved is", "the upper half of key's stream is"},
    {"with batch (", "with x's batch ("},
    {"with time (", "with x's time ("},
    {"with channels (", "with x's channels ("},
    {"spikes of dtype BITS32 (4)", "spikes 'bits32'"},
    {"backend is CUDA (2);", "the call runs on a CUDA device;"},
    {"so it must be CPU (1) or AUTO (0)", "so it must run on the CPU"},
};

}  // namespace

std::string in_python(std::string sentence) {
  for (const Rule& rule : kRules) {
    const size_t at = sentence.find(rule.library);
    if (at != std::string::npos) sentence.replace(at, rule.library.size(), rule.python);
  }
  return sentence;
}

}  // namespace spikescan_xla
