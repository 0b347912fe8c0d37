#include "tests/element/known_answers.h"

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace spikescan::testing {
namespace {

BlockAnswer read_block(std::istringstream& line) {
  BlockAnswer answer;
  line >> std::hex;
  for (uint32_t& c : answer.counter) line >> c;
  for (uint32_t& k : answer.key) line >> k;
  for (uint32_t& w : answer.words) line >> w;
  return answer;
}

UniformAnswer read_uniform(std::istringstream& line) {
  UniformAnswer answer;
  line >> std::hex >> answer.seed >> std::dec >> answer.stream >> answer.b >> answer.t >> answer.c;
  line >> std::hex >> answer.word >> std::dec >> answer.numerator;
  return answer;
}

}  // namespace

KnownAnswers read_known_answers() {
  const std::string path = SPIKESCAN_VECTORS "/philox_kat.txt";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  KnownAnswers answers;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string kind;
    line >> kind;
    if (kind.empty() || kind[0] == '#') continue;
    if (kind == "philox") {
      answers.blocks.push_back(read_block(line));
    } else if (kind == "uniform") {
      answers.uniforms.push_back(read_uniform(line));
    } else {
      throw std::runtime_error(path + ": unknown kind of line: " + text);
    }
    if (line.fail()) throw std::runtime_error(path + ": too few or malformed numbers: " + text);
  }
  return answers;
}

}  // namespace spikescan::testing
