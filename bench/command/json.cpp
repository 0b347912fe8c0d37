// A recursive descent over RFC 8259. Escaped characters beyond ASCII become '?': no name that is compared has one.
#include "json.h"

#include <cctype>
#include <cstdlib>

namespace spikescan::bench {
namespace {

constexpr int kDeepest = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<Json> document() {
    Json value;
    if (!read(value, 0)) return std::nullopt;
    blanks();
    return rest_.empty() ? std::optional<Json>(std::move(value)) : std::nullopt;
  }

 private:
  void blanks() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_.front()) != std::string_view::npos) {
      rest_.remove_prefix(1);
    }
  }

  bool take(std::string_view word) {
    blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  bool read(Json& value, int depth) {
    if (depth > kDeepest) return false;
    if (take("{")) return read_object(value, depth);
    if (take("[")) return read_list(value, depth);
    if (take("\"")) {
      value.kind = Json::kText;
      return read_text(value.text);
    }
    if (take("null")) return true;
    if (const bool yes = take("true"); yes || take("false")) {
      value.kind = Json::kBool;
      value.number = yes;
      return true;
    }
    return read_number(value);
  }

  bool read_number(Json& value) {
    blanks();
    const size_t length = rest_.find_first_not_of("+-0123456789.eE");
    const std::string digits(rest_.substr(0, length));
    char* end = nullptr;
    value.kind = Json::kNumber;
    value.number = std::strtod(digits.c_str(), &end);
    if (digits.empty() || *end != '\0') return false;
    rest_.remove_prefix(digits.size());
    return true;
  }

  bool read_text(std::string& text) {
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (rest_.empty()) return false;
      const char escaped = rest_.front();
      rest_.remove_prefix(1);
      if (escaped == 'u') {
        if (rest_.size() < 4) return false;
        const long code = std::strtol(std::string(rest_.substr(0, 4)).c_str(), nullptr, 16);
        text += code < 128 ? static_cast<char>(code) : '?';
        rest_.remove_prefix(4);
      } else {
        constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
        const size_t place = kFrom.find(escaped);
        if (place == std::string_view::npos) return false;
        text += kTo[place];
      }
    }
    return false;
  }

  bool read_list(Json& value, int depth) {
    value.kind = Json::kList;
    if (take("]")) return true;
    do {
      if (!read(value.list.emplace_back(), depth + 1)) return false;
    } while (take(","));
    return take("]");
  }

  bool read_object(Json& value, int depth) {
    value.kind = Json::kObject;
    if (take("}")) return true;
    do {
      std::string key;
      if (!take("\"") || !read_text(key) || !take(":") || !read(value.object[key], depth + 1)) return false;
    } while (take(","));
    return take("}");
  }

  std::string_view rest_;
};

}  // namespace

const Json* Json::find(const std::string& key) const {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &found->second;
}

std::optional<double> Json::number_at(const std::string& key) const {
  const Json* value = find(key);
  return value != nullptr && value->kind == kNumber ? std::optional<double>(value->number) : std::nullopt;
}

std::string Json::text_at(const std::string& key) const {
  const Json* value = find(key);
  return value != nullptr && value->kind == kText ? value->text : "";
}

std::optional<Json> parse_json(std::string_view text) {
  return Parser(text).document();
}

}  // namespace spikescan::bench
