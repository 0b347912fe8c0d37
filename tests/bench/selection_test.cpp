// The default cases are those that documents promise, each once.
#include "command/selection.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "support/words.h"

namespace spikescan::bench {
namespace {

std::vector<std::string> names(spikescan_backend backend, const RunOptions& options) {
  std::vector<std::string> out;
  for (const ScanCase& one : pass_cases(backend, options)) out.push_back(one.name());
  return out;
}

TEST(Shapes, AreBatchStepsChannels) {
  const auto shape = read_shape("64x1024x512");
  ASSERT_TRUE(shape.has_value());
  EXPECT_EQ(shape->batch, 64);
  EXPECT_EQ(shape->time, 1024);
  EXPECT_EQ(shape->channels, 512);
  for (const char* bad : {"", "1x2", "1x2x0", "1x2x3x", "ax2x3", "-1x2x3"}) EXPECT_FALSE(read_shape(bad)) << bad;
}

TEST(DefaultCases, AreDistinctAndHoldTheCommunitysShapes) {
  for (const spikescan_backend backend : {SPIKESCAN_BACKEND_CPU, SPIKESCAN_BACKEND_CUDA}) {
    const auto all = names(backend, {});
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
    const bool cuda = backend == SPIKESCAN_BACKEND_CUDA;
    for (const char* shape : {cuda ? "256x1024x512" : "64x1024x512", "16x500x512", "16x500x4096", "16x500x16384"}) {
      for (const char* pass : {"forward", "backward"}) {
        const std::string start = std::string("scan/") + pass + "/lif/sigmoid_bernoulli/float32/";
        EXPECT_THAT(all, testing::Contains(testing::AllOf(testing::StartsWith(start), testing::HasSubstr(shape))));
      }
    }
  }
}

TEST(DefaultCases, OfAGpuHoldWhatIsHardToFill) {
  const auto all = names(SPIKESCAN_BACKEND_CUDA, {});
  for (const char* shape :
       {"1x1000000x512", "1x1000000x64", "1x1000000x1", "256x1000x130", "1x1024x64", "32x25x128", "128x100x512"}) {
    for (const char* pass :
         {"forward/lif/sigmoid_bernoulli/float32/float32/", "backward/lif/sigmoid_bernoulli/float32/-/"}) {
      EXPECT_THAT(all, testing::Contains(std::string("scan/") + pass + shape + "/cuda"));
    }
  }
}

// What a run that its time cuts short has: the targets, and the sweep of rows.
TEST(DefaultCases, OfAGpuStartWithItsTargets) {
  std::set<std::string> targets;
  for (const std::string recurrence : kRecurrences) {
    for (const std::string dtype : {"float32", "bfloat16"}) {
      const std::string middle = "/" + recurrence + "/sigmoid_bernoulli/" + dtype + "/";
      for (const std::string& spikes : {dtype, std::string("bits32")}) {
        targets.insert("scan/forward" + middle + spikes + "/256x1024x512/cuda");
      }
      targets.insert("scan/backward" + middle + "-/256x1024x512/cuda");
    }
  }
  const auto add_lif = [&](const std::string& series, const std::string& shape) {
    targets.insert(series + "scan/forward/lif/sigmoid_bernoulli/float32/float32/" + shape + "/cuda");
    targets.insert(series + "scan/backward/lif/sigmoid_bernoulli/float32/-/" + shape + "/cuda");
  };
  for (const char* shape :
       {"1x1000000x64", "1x1024x64", "1x1000000x512", "1x1000000x1", "256x1000x130", "32x25x128", "128x100x512"}) {
    add_lif("", shape);
  }
  for (int64_t rows = 64; rows <= 65536; rows *= 2) {
    add_lif("share_vs_rows/", "1x" + std::to_string(67108864 / rows) + "x" + std::to_string(rows));
  }
  const auto all = names(SPIKESCAN_BACKEND_CUDA, {});
  ASSERT_GT(all.size(), targets.size());
  EXPECT_EQ(all[0], "scan/forward/lif/sigmoid_bernoulli/float32/float32/256x1024x512/cuda");
  EXPECT_EQ(std::set<std::string>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(targets.size())), targets);
}

TEST(Rows, OfAGpuAreSweptAtConstantBytes) {
  RunOptions options;
  options.series = {"share_vs_rows"};
  std::set<int64_t> elements, rows;
  for (const ScanCase& one : pass_cases(SPIKESCAN_BACKEND_CUDA, options)) {
    elements.insert(one.shape.elements());
    rows.insert(one.shape.batch * one.shape.channels);
  }
  EXPECT_EQ(elements.size(), 1u);
  EXPECT_EQ(*rows.begin(), 64);
  EXPECT_EQ(*rows.rbegin(), 65536);
}

TEST(DefaultCases, StartWithTheSuiteInFloat32) {
  const auto all = pass_cases(SPIKESCAN_BACKEND_CPU, {});
  const auto first_other = std::find_if(all.begin(), all.end(), [](const ScanCase& one) {
    return !one.series.empty() || one.dtype != SPIKESCAN_FLOAT32;
  });
  EXPECT_GT(first_other - all.begin(), 20);
  EXPECT_TRUE(std::none_of(first_other, all.end(),
                           [](const ScanCase& one) { return one.series.empty() && one.dtype == SPIKESCAN_FLOAT32; }));
}

TEST(DefaultCases, ReachFromAHundredStepsToAMillion) {
  RunOptions options;
  options.series = {"time_vs_length"};
  std::set<int64_t> lengths;
  for (const ScanCase& one : pass_cases(SPIKESCAN_BACKEND_CPU, options)) {
    EXPECT_EQ(one.shape.batch * one.shape.channels, 64);
    lengths.insert(one.shape.time);
  }
  EXPECT_THAT(lengths, testing::ElementsAre(100, 1000, 10000, 100000, 1000000));
}

TEST(ConstantElements, AreConstant) {
  RunOptions options;
  options.series = {"constant_elements"};
  std::set<int64_t> elements;
  for (const ScanCase& one : pass_cases(SPIKESCAN_BACKEND_CPU, options)) elements.insert(one.shape.elements());
  EXPECT_EQ(elements.size(), 1u);
}

TEST(WithMembrane, WritesVInEveryRecurrence) {
  RunOptions options;
  options.series = {"with_membrane"};
  const auto all = pass_cases(SPIKESCAN_BACKEND_CPU, options);
  EXPECT_EQ(all.size(), 4u);
  for (const ScanCase& one : all) {
    EXPECT_TRUE(one.has_membrane());
    EXPECT_EQ(one.bytes(), 3.0 * 4 * static_cast<double>(one.shape.elements()));
  }
}

TEST(Subnormal, IsSteepOrSilentInEveryRecurrence) {
  RunOptions options;
  options.series = {"steep", "silent"};
  const auto all = pass_cases(SPIKESCAN_BACKEND_CPU, options);
  EXPECT_EQ(all.size(), 16u);
  for (const ScanCase& one : all) EXPECT_NE(one.is_steep(), one.is_silent());
}

TEST(ShareVs, ChannelsAndStepsMoveAboutTheSameElements) {
  RunOptions options;
  options.series = {"share_vs_channels", "share_vs_steps", "steps_time_first"};
  for (const ScanCase& one : pass_cases(SPIKESCAN_BACKEND_CPU, options)) {
    EXPECT_NEAR(static_cast<double>(one.shape.elements()), 33554432.0, 0.02 * 33554432.0) << one.name();
  }
}

// Of the same passes and shapes.
TEST(StepsTimeFirst, AreTheStepsOfBatchFirst) {
  const auto steps_of = [](const char* series, bool time_first) {
    RunOptions options;
    options.series = {series};
    std::vector<std::string> out;
    for (ScanCase one : pass_cases(SPIKESCAN_BACKEND_CPU, options)) {
      EXPECT_EQ(one.is_time_first(), time_first) << one.name();
      one.series.clear();
      out.push_back(one.name());
    }
    return out;
  };
  const std::vector<std::string> steps = steps_of("steps_time_first", true);
  EXPECT_GT(steps.size(), 10u);
  EXPECT_EQ(steps, steps_of("share_vs_steps", false));
}

TEST(FewRows, ReachFromOneToABlock) {
  RunOptions options;
  options.series = {"few_rows"};
  std::set<int64_t> rows;
  for (const ScanCase& one : pass_cases(SPIKESCAN_BACKEND_CPU, options)) {
    EXPECT_EQ(one.shape.batch, 1);
    rows.insert(one.shape.channels);
  }
  EXPECT_THAT(rows, testing::ElementsAre(1, 2, 4, 8, 16, 32, 64));
}

TEST(Options, LeaveOutWhatIsNotAskedFor) {
  RunOptions options;
  options.shapes = {{2, 3, 4}};
  options.dtypes = {"bfloat16"};
  options.recurrences = {"spsn"};
  options.series = {"suite"};
  EXPECT_THAT(names(SPIKESCAN_BACKEND_CPU, options),
              testing::UnorderedElementsAre("scan/forward/spsn/sigmoid_bernoulli/bfloat16/bfloat16/2x3x4/cpu",
                                            "scan/forward/spsn/sigmoid_bernoulli/bfloat16/bits32/2x3x4/cpu",
                                            "scan/backward/spsn/sigmoid_bernoulli/bfloat16/-/2x3x4/cpu"));
}

TEST(Bytes, AreTheFewestThatMove) {
  const Shape shape = {2, 64, 32};
  const double x = 4.0 * 2 * 64 * 32;
  ScanCase one = {SPIKESCAN_BACKEND_CPU, Pass::kForward,   SPIKESCAN_LIF, SPIKESCAN_HEAVISIDE,
                  SPIKESCAN_FLOAT32,     SPIKESCAN_BITS32, shape};
  EXPECT_EQ(one.bytes(), x + x / 32);
  one.pass = Pass::kBackward;
  EXPECT_EQ(one.bytes(), 3 * x);
  one.pass = Pass::kForwardBackward;
  EXPECT_EQ(one.bytes(), 4 * x + x / 32);
}

double rate_of(spikescan_dtype spikes, const Shape& shape) {
  const ScanCase one = {SPIKESCAN_BACKEND_CPU, Pass::kForward, SPIKESCAN_LIF, SPIKESCAN_SIGMOID_BERNOULLI,
                        SPIKESCAN_FLOAT32,     spikes,         shape};
  return ScanBuffers(one).firing_rate();
}

// The spikes are the same ones, so words that hold fewer than 32 steps show where they are counted as whole.
TEST(Rates, AreTheSameInEveryFormat) {
  const Shape small = {3, 100, 7};
  EXPECT_GT(rate_of(SPIKESCAN_FLOAT32, small), 0.05);
  EXPECT_EQ(rate_of(SPIKESCAN_FLOAT32, small), rate_of(SPIKESCAN_BITS32, small));
  // Of the first 8 MiB that is a tenth of the elements and all of the words: 2 M samples against 20 M.
  const Shape large = {5, 1000, 4096};
  EXPECT_NEAR(rate_of(SPIKESCAN_FLOAT32, large), rate_of(SPIKESCAN_BITS32, large), 0.01);
}

TEST(Buffers, NeedWhatAPassHoldsAtOnce) {
  const Shape shape = {2, 64, 32};
  const size_t x = 4 * 2 * 64 * 32;
  const ScanCase forward = {SPIKESCAN_BACKEND_CPU, Pass::kForward,    SPIKESCAN_LIF, SPIKESCAN_HEAVISIDE,
                            SPIKESCAN_FLOAT32,     SPIKESCAN_FLOAT32, shape};
  ScanBuffers buffers(forward);
  EXPECT_EQ(buffers.bytes_needed(), 2 * x + 32 * sizeof(float));
  ScanCase both = forward;
  both.pass = Pass::kForwardBackward;
  EXPECT_GE(ScanBuffers(both).bytes_needed(), 4 * x);
}

}  // namespace
}  // namespace spikescan::bench
