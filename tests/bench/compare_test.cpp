// Verdicts of `spikescan-bench compare`, from canned records.
#include "command/compare.h"

#include <gmock/gmock.h>

namespace spikescan::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

Medians read(const char* text) {
  const auto json = parse_json(text);
  EXPECT_TRUE(json.has_value()) << text;
  const auto medians = json ? medians_of(*json) : std::nullopt;
  EXPECT_TRUE(medians.has_value()) << text;
  return medians.value_or(Medians());
}

TEST(Json, ReadsWhatRecordsHold) {
  const auto json = parse_json(R"( {"a": [1, -2.5e-3, null, true], "b": {"c": "x\"\n\u0041\u20ac"}} )");
  ASSERT_TRUE(json.has_value());
  ASSERT_EQ(json->find("a")->list.size(), 4u);
  EXPECT_EQ(json->find("a")->list[1].number, -2.5e-3);
  EXPECT_EQ(json->find("a")->list[2].kind, Json::kNull);
  EXPECT_EQ(json->find("a")->list[3].number, 1.0);
  EXPECT_EQ(json->find("b")->text_at("c"), "x\"\nA?");
  EXPECT_EQ(json->number_at("a"), std::nullopt);
  EXPECT_EQ(json->find("z"), nullptr);
}

TEST(Json, RefusesWhatIsNone) {
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "[1] 2", "\"open", "\"\\q\"", "nul", "--1", "{\"a\":}"}) {
    EXPECT_FALSE(parse_json(text).has_value()) << text;
  }
  EXPECT_FALSE(parse_json(std::string(100000, '[')).has_value());
}

TEST(Medians, OfARecordAndOfGoogleBenchmark) {
  const Medians record = read(R"({"rows": [
      {"name": "a", "median_seconds": 2.0, "spread": 0.5, "samples": 9},
      {"name": "late", "median_seconds": null, "spread": null},
      {"name": "single", "median_seconds": 1.0, "spread": null, "samples": 1}]})");
  ASSERT_EQ(record.size(), 2u);
  EXPECT_DOUBLE_EQ(*record.at("a").half_width, 0.5);
  EXPECT_FALSE(record.at("single").half_width.has_value());
  const Medians made = read(R"({"benchmarks": [
      {"name": "a/iterations:1/manual_time", "median_seconds": 2.0, "spread": 0.5, "samples": 2.0}]})");
  EXPECT_FALSE(made.at("a").half_width.has_value()) << "two samples have no spread";
  EXPECT_FALSE(medians_of(*parse_json("{}")).has_value());
}

TEST(Verdicts, FollowTheHalfWidths) {
  EXPECT_EQ(judge({1.0, 0.1}, {1.2, 0.125}), Verdict::kNoise);
  EXPECT_EQ(judge({1.0, 0.1}, {1.25, 0.1}), Verdict::kSlower);
  EXPECT_EQ(judge({1.25, 0.1}, {1.0, 0.1}), Verdict::kFaster);
  EXPECT_EQ(judge({1.0, std::nullopt}, {9.0, 0.1}), Verdict::kUnknown);
  EXPECT_EQ(judge({1.0, 0.0}, {1.0, 0.0}), Verdict::kNoise);
}

TEST(Pooling, TakesTheDistanceBetweenRunsIntoAccount) {
  const Medians pooled = pool({{{"a", {1.0, 0.01}}}, {{"a", {1.4, 0.01}}}, {{"a", {1.1, 0.03}}}});
  EXPECT_DOUBLE_EQ(pooled.at("a").seconds, 1.1);
  EXPECT_NEAR(*pooled.at("a").half_width, 0.2, 1e-12);
  EXPECT_FALSE(pool({{{"a", {1.0, 0.01}}}, {{"a", {1.0, std::nullopt}}}}).at("a").half_width.has_value());
  EXPECT_DOUBLE_EQ(pool({{{"a", {1.0, 0.01}}}, {{"a", {2.0, 0.01}}}}).at("a").seconds, 1.5);
}

TEST(Comparison, PrintsWhatIsBeyondNoiseTheLargestFirst) {
  const Medians a = {{"x", {1.0, 0.01}},
                     {"y", {1.0, 0.01}},
                     {"noisy", {1.0, 0.5}},
                     {"few", {1.0, std::nullopt}},
                     {"gone", {1.0, 0.1}}};
  const Medians b = {{"x", {1.1, 0.01}}, {"y", {0.5, 0.01}}, {"noisy", {1.4, 0.5}}, {"few", {3.0, 0.1}}};
  const std::string text = compare(a, b);
  EXPECT_LT(text.find("y "), text.find("x "));
  EXPECT_THAT(text, HasSubstr("1.100  slower"));
  EXPECT_THAT(text, HasSubstr("0.500  faster"));
  EXPECT_THAT(text, Not(HasSubstr("noisy")));
  EXPECT_THAT(text, HasSubstr("4 cases in both: B is faster in 1, slower in 1; noise in 1"));
  EXPECT_THAT(text, HasSubstr("to tell in 1; only in A 1, only in B 0"));
}

}  // namespace
}  // namespace spikescan::bench
