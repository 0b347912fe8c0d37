// A kernel's text to instructions: what nvcc 13 writes, and no more of PTX.
#include <algorithm>
#include <cctype>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "ptx/kernel.h"

namespace ptx {
namespace {

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// At commas that stand in no brackets.
std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : list) {
    depth += c == '{' || c == '[';
    depth -= c == '}' || c == ']';
    if (c == ',' && depth == 0) {
      parts.push_back(trimmed(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (!trimmed(part).empty()) parts.push_back(trimmed(part));
  return parts;
}

bool has_part(const std::string& name, const std::string& part) {
  return ("." + name + ".").find("." + part + ".") != std::string::npos;
}
// Of the type at the name's end.
int bytes_of_type(const std::string& name) {
  return std::stoi(name.substr(name.rfind('.') + 2)) / 8;
}

class Parser {
 public:
  Parser(const std::string& name, Kernel& kernel) : kernel_(kernel) { kernel_.name = name; }

  // `head`: the parameters, between brackets; `body`: between braces.
  void run(const std::string& head, const std::string& body) {
    for (const std::string& parameter : split(head)) add_parameter(parameter);
    read_body(body);
    for (const auto& [instruction, label] : branches_) {
      const auto found = labels_.find(label);
      if (found == labels_.end()) fail("no label " + label);
      kernel_.code[instruction].target = found->second;
    }
    kernel_.code.push_back({.kind = Kind::end});
    kernel_.thread = place_or_none("%tid.x");
    kernel_.threads = place_or_none("%ntid.x");
    kernel_.block = place_or_none("%ctaid.x");
    kernel_.blocks = place_or_none("%nctaid.x");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error("ptx: " + what + ", at line " + std::to_string(line_) + " of " + kernel_.name);
  }

  // ".param .align 8 .b8 name[688]" or ".param .u32 name".
  void add_parameter(const std::string& text) {
    std::string name = text.substr(text.find_last_of(" \t") + 1);
    int bytes = 0, alignment = 0;
    if (const std::size_t bracket = name.find('['); bracket != std::string::npos) {
      bytes = std::stoi(name.substr(bracket + 1));
      alignment = std::stoi(text.substr(text.find(".align") + 6));
      name.resize(bracket);
    } else {
      bytes = alignment = bytes_of_type(trimmed(text.substr(0, text.find_last_of(" \t"))));
    }
    const int offset = (kernel_.parameter_bytes + alignment - 1) / alignment * alignment;
    kernel_.parameters.push_back({offset, bytes});
    kernel_.parameter_bytes = offset + bytes;
    parameter_offsets_[name] = offset;
  }

  void read_body(const std::string& body) {
    std::istringstream lines(body);
    std::string statement;
    for (std::string line; std::getline(lines, line);) {
      ++line_;
      line = trimmed(line.substr(0, line.find("//")));
      if (line.empty() || (line[0] == '.' && statement.empty())) continue;  // .reg, .loc, .pragma
      if (const std::size_t colon = line.find(':'); line[0] == '$' && colon != std::string::npos) {
        labels_[line.substr(0, colon)] = static_cast<int>(kernel_.code.size());
        line = trimmed(line.substr(colon + 1));
      }
      for (const char c : line) {
        if (c == ';') {
          statement = trimmed(statement);
          if (!statement.empty() && statement[0] != '.') add_instruction(statement);
          statement.clear();
        } else if ((c != '{' && c != '}') || !trimmed(statement).empty()) {  // a brace alone opens or ends a scope
          statement += c;
        }
      }
      statement = statement.empty() ? "" : statement + ' ';
    }
  }

  // ---- Operands ----
  int place(const std::string& name, std::uint64_t start = 0) {
    const auto [found, is_new] = places_.try_emplace(name, static_cast<int>(kernel_.registers.size()));
    if (is_new) kernel_.registers.push_back(start);
    return found->second;
  }
  int place_or_none(const std::string& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? -1 : found->second;
  }
  int constant(std::uint64_t value) { return place(std::to_string(value) + "#", value); }

  int operand(const std::string& text) {
    if (text.empty()) fail("an operand is missing");
    if (text[0] == '%') {
      if (text.find('.') != std::string::npos && !is_known_special(text)) fail("unknown register " + text);
      return place(text);
    }
    if (text == "_") return place(text);
    if (text.rfind("0f", 0) == 0 || text.rfind("0d", 0) == 0) return constant(std::stoull(text.substr(2), nullptr, 16));
    if (text[0] == '-') return constant(static_cast<std::uint64_t>(std::stoll(text)));
    if (std::isdigit(static_cast<unsigned char>(text[0]))) return constant(std::stoull(text, nullptr, 0));
    return symbol(text, 0);
  }
  static bool is_known_special(const std::string& name) {
    return name == "%tid.x" || name == "%ntid.x" || name == "%ctaid.x" || name == "%nctaid.x";
  }
  // A parameter's address, or that of the block's dynamic shared memory.
  int symbol(const std::string& name, std::int64_t offset) {
    const auto parameter = parameter_offsets_.find(name);
    if (parameter == parameter_offsets_.end()) {
      if (name.find("memory") == std::string::npos) fail("unknown symbol " + name);
      return constant(kSharedStart + static_cast<std::uint64_t>(offset));
    }
    const std::string key = "@" + name + "+" + std::to_string(offset);
    const bool is_new = places_.count(key) == 0;
    const int at = place(key);
    if (is_new) kernel_.parameter_addresses.push_back({at, parameter->second + offset});
    return at;
  }
  // "[%rd1+8]", the n-th address of an instruction.
  void address(const std::string& text, int n, Instruction& i) {
    const std::size_t plus = text.find('+');
    const std::string base = trimmed(text.substr(1, std::min(plus, text.find(']')) - 1));
    const std::int64_t offset = plus == std::string::npos ? 0 : std::stoll(text.substr(plus + 1));
    i.from[n] = base[0] == '%' ? operand(base) : symbol(base, offset);
    if (base[0] != '%') return;
    i.offset[n] = static_cast<std::int32_t>(offset);
    if (i.offset[n] != offset) fail("an offset beyond 32 bits");
  }
  // One operand, or several in braces; their number.
  int operands(const std::string& text, int (&places)[4]) {
    const std::vector<std::string> names = text[0] == '{' ? split(text.substr(1, text.size() - 2)) : split(text);
    if (names.size() > 4) fail("too many operands in " + text);
    for (std::size_t n = 0; n < names.size(); ++n) places[n] = operand(names[n]);
    return static_cast<int>(names.size());
  }

  // ---- Instructions ----
  void add_instruction(std::string text) {
    Instruction i;
    i.line = line_;
    if (text[0] == '@') {
      const std::size_t end = text.find_first_of(" \t");
      i.unless = text[1] == '!';
      i.predicate = operand(text.substr(i.unless ? 2 : 1, end - (i.unless ? 2 : 1)));
      text = trimmed(text.substr(end));
    }
    const std::size_t end = text.find_first_of(" \t");
    const std::string name = text.substr(0, end);
    const std::vector<std::string> parts = split(end == std::string::npos ? "" : text.substr(end));
    if (!is_move(name, parts, i) && !is_arithmetic(name, parts, i) && !is_memory(name, parts, i) &&
        !is_meeting(name, parts, i) && !is_control(name, parts, i)) {
      fail("unknown instruction '" + text + "'");
    }
    kernel_.code.push_back(i);
  }

  // Between a register and the parts of one.
  bool is_move(const std::string& name, const std::vector<std::string>& parts, Instruction& i) {
    if (name.rfind("mov.", 0) != 0 || (parts[0][0] != '{' && parts[1][0] != '{')) return false;
    const bool packs = parts[1][0] == '{';
    i.kind = Kind::arithmetic;
    const int to = operands(parts[0], i.to), from = operands(parts[1], i.from);
    const std::string type = name.substr(name.rfind('.'));
    i.execute = arithmetic((packs ? "pack." : "unpack.") + std::to_string(packs ? from : to) + type);
    if (!i.execute) fail("no parts of such sizes in " + name);
    return true;
  }
  bool is_arithmetic(const std::string& name, const std::vector<std::string>& parts, Instruction& i) {
    i.execute = arithmetic(name);
    if (i.execute == nullptr) return false;
    i.kind = Kind::arithmetic;
    i.to[0] = operand(parts.at(0));
    for (std::size_t n = 1; n < parts.size(); ++n) i.from[n - 1] = operand(parts[n]);
    return true;
  }
  bool is_memory(const std::string& name, const std::vector<std::string>& parts, Instruction& i) {
    if (name.rfind("ld.", 0) == 0 || name.rfind("st.", 0) == 0) {
      const bool loads = name[0] == 'l';
      if (has_part(name, "local")) fail("local memory");
      i.kind = loads ? Kind::load : Kind::store;
      i.space = has_part(name, "param") ? Space::param : has_part(name, "shared") ? Space::shared : Space::global;
      i.bytes = static_cast<std::uint8_t>(bytes_of_type(name));
      i.sign = name[name.rfind('.') + 1] == 's';
      address(parts.at(loads ? 1 : 0), 0, i);
      i.count = static_cast<std::uint8_t>(operands(parts.at(loads ? 0 : 1), i.to));
      return true;
    }
    if (name == "atom.add.relaxed.gpu.u64") {
      i.kind = Kind::atomic_add;
      i.to[0] = operand(parts.at(0));
      address(parts.at(1), 0, i);
      i.from[1] = operand(parts.at(2));
    } else if (name.rfind("cp.async.c", 0) == 0 && has_part(name, "global")) {
      i.kind = Kind::copy_async;
      address(parts.at(0), 0, i);
      address(parts.at(1), 1, i);
      i.bytes = static_cast<std::uint8_t>(std::stoi(parts.at(2)));
    } else if (name == "cp.async.commit_group") {
      i.kind = Kind::commit_copies;
    } else if (name == "cp.async.wait_group") {
      i.kind = Kind::await_copies;
      i.immediate = std::stoll(parts.at(0));
    } else if (name == "cvta.shared.u64") {
      i.kind = Kind::shared_address;
      i.to[0] = operand(parts.at(0));
      i.from[0] = operand(parts.at(1));
    } else {
      return false;
    }
    return true;
  }
  // Where threads wait for each other.
  bool is_meeting(const std::string& name, const std::vector<std::string>& parts, Instruction& i) {
    if (name == "vote.sync.ballot.b32") {
      i.kind = Kind::ballot;
      i.to[0] = operand(parts.at(0));
      i.sign = parts.at(1)[0] == '!';
      i.from[0] = operand(i.sign ? parts[1].substr(1) : parts[1]);
      i.from[1] = operand(parts.at(2));
    } else if (name == "shfl.sync.idx.b32") {
      i.kind = Kind::shuffle;
      const std::size_t bar = parts.at(0).find('|');
      i.to[0] = operand(parts[0].substr(0, bar));
      i.to[1] = operand(bar == std::string::npos ? "_" : parts[0].substr(bar + 1));
      for (int n = 0; n < 4; ++n) i.from[n] = operand(parts.at(1 + n));
    } else if (name == "bar.warp.sync") {
      i.kind = Kind::warp_barrier;
      i.from[0] = operand(parts.at(0));
    } else if (name == "bar.sync" && parts.size() == 1 && parts[0] == "0") {
      i.kind = Kind::block_barrier;
    } else if (name == "bar.red.or.pred" && parts.size() == 3 && parts[1] == "0") {
      i.kind = Kind::block_or;
      i.to[0] = operand(parts[0]);
      i.from[0] = operand(parts[2]);
    } else {
      return false;
    }
    return true;
  }
  bool is_control(const std::string& name, const std::vector<std::string>& parts, Instruction& i) {
    if (name == "bra" || name == "bra.uni") {
      i.kind = Kind::branch;
      branches_.emplace_back(kernel_.code.size(), parts.at(0));
    } else if (name == "ret" || name == "exit") {
      i.kind = Kind::end;
    } else if (name.rfind("nanosleep.", 0) == 0) {
      i.kind = Kind::pause;
    } else {
      return name.rfind("prefetch.", 0) == 0;
    }
    return true;
  }

  Kernel& kernel_;
  int line_ = 0;
  std::unordered_map<std::string, int> places_, labels_, parameter_offsets_;
  std::vector<std::pair<std::size_t, std::string>> branches_;
};

const std::string kEntry = ".entry ";

// Where the scope that starts at `from` ends; it may have others in it. No comment has a brace.
std::size_t end_of_scope(const std::string& text, std::size_t from) {
  for (int open = 1;; ++from) {
    from = text.find_first_of("{}", from);
    if (from == std::string::npos) throw std::runtime_error("ptx: a scope without an end");
    open += text[from] == '{' ? 1 : -1;
    if (open == 0) return from;
  }
}

}  // namespace

std::vector<std::string> kernels_in(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = text.find(kEntry); at != std::string::npos; at = text.find(kEntry, at)) {
    at += kEntry.size();
    names.push_back(text.substr(at, text.find('(', at) - at));
  }
  return names;
}

Kernel parse(const std::string& text, const std::string& name) {
  const std::size_t entry = text.find(kEntry + name + "(");
  if (entry == std::string::npos) throw std::runtime_error("ptx: no kernel " + name);
  const std::size_t head = text.find('(', entry) + 1, head_end = text.find("\n)", head);
  const std::size_t body = text.find('{', head_end) + 1, body_end = end_of_scope(text, body);
  Kernel kernel;
  Parser(name, kernel).run(text.substr(head, head_end - head), text.substr(body, body_end - body));
  share_places(kernel);
  make_steps(kernel);
  return kernel;
}

}  // namespace ptx
