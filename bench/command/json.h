// Reads JSON: as much as records and Google Benchmark's output need. Numbers are doubles; no limits but memory and
// depth.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spikescan::bench {

struct Json {
  enum Kind { kNull, kBool, kNumber, kText, kList, kObject } kind = kNull;
  double number = 0.0;  // of a bool: 0 or 1
  std::string text;
  std::vector<Json> list;
  std::map<std::string, Json> object;

  const Json* find(const std::string& key) const;  // null where this is no object or lacks it
  std::optional<double> number_at(const std::string& key) const;
  std::string text_at(const std::string& key) const;  // empty where it is no text
};

// Nothing where the text is no JSON.
std::optional<Json> parse_json(std::string_view text);

}  // namespace spikescan::bench
