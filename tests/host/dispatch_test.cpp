// The dispatch table: what really runs is listed in full, and every hole has its reason.
#include "host/dispatch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "calls.h"

namespace spikescan {
namespace {

std::string name_of(const Route& route) {
  return std::string(recurrence_name(route.recurrence)) + " " + rule_name(route.rule) + " " + dtype_name(route.dtype) +
         " " + backend_name(route.backend);
}

std::vector<std::string> everything(const std::vector<std::string>& backends) {
  std::vector<std::string> names;
  for (const char* recurrence : {"lif", "spsn", "cuba_lif", "psu_lif"}) {
    for (const char* rule : {"sigmoid_bernoulli", "refractory_sigmoid_bernoulli", "heaviside", "none"}) {
      for (const char* dtype : {"float32", "float16", "bfloat16"}) {
        for (const std::string& backend : backends) {
          names.push_back(std::string(recurrence) + " " + rule + " " + dtype + " " + backend);
        }
      }
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> running(const DispatchTable& table) {
  std::vector<std::string> names;
  for (const Route& route : table) {
    if (route.runs) names.push_back(name_of(route));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void expect_reasons(const DispatchTable& table) {
  for (const Route& route : table) {
    if (route.runs) {
      EXPECT_EQ(route.reason, nullptr) << name_of(route);
    } else {
      ASSERT_NE(route.reason, nullptr) << name_of(route);
      EXPECT_STRNE(route.reason, "") << name_of(route);
    }
  }
}

TEST(Dispatch, OfThisLibrary) {
  EXPECT_EQ(running(dispatch_table()), everything({"cpu"}));
  expect_reasons(dispatch_table());
}

TEST(Dispatch, OfALibraryWithBothBackends) {
  const Backend cuda = {};
  const DispatchTable table = make_dispatch_table({cpu_backend(), &cuda});
  EXPECT_EQ(running(table), everything({"cpu", "cuda"}));
  expect_reasons(table);
}

TEST(Dispatch, AHoleSaysWhy) {
  for (const Route& route : make_dispatch_table({cpu_backend(), nullptr})) {
    if (route.backend == SPIKESCAN_BACKEND_CUDA) {
      EXPECT_EQ(route.runs, nullptr);
      EXPECT_STREQ(route.reason, "CUDA is not built into this library");
    }
  }
}

TEST(Dispatch, FindsTheDescriptionsOwnRoute) {
  for (const Route& expected : dispatch_table()) {
    spikescan_description d = SPIKESCAN_DESCRIPTION_INIT;
    d.recurrence = expected.recurrence;
    d.rule = expected.rule;
    d.dtype = expected.dtype;
    d.backend = expected.backend;
    EXPECT_EQ(&find_route(dispatch_table(), d), &expected) << name_of(expected);
  }
}

// A table is a promise: each route is run forward and backward here.
TEST(Dispatch, WhatTheTableSaysRunsRuns) {
  int ran = 0;
  for (const Route& route : dispatch_table()) {
    if (!route.runs) continue;
    const bool cuba = route.recurrence == SPIKESCAN_CUBA_LIF;
    const bool two_states = cuba || route.recurrence == SPIKESCAN_PSU_LIF;
    const auto suit = [&](auto& call) {
      call.d.recurrence = route.recurrence;
      call.d.rule = route.rule;
      call.d.dtype = call.args.x.dtype = route.dtype;
      if (!cuba) call.args.alpha = nullptr;
      if (!two_states) call.args.initial_state[1] = {};
    };
    test::ForwardCase forward;
    suit(forward);
    forward.args.spikes.dtype = route.dtype;
    if (!two_states) forward.args.final_state[1] = {};
    EXPECT_EQ(forward.run(), SPIKESCAN_OK) << name_of(route) << ": " << spikescan_last_error();
    test::BackwardCase backward;
    suit(backward);
    backward.args.grad_x.dtype = route.dtype;
    if (!cuba) backward.args.grad_alpha = nullptr;
    if (!two_states) backward.args.grad_final_state[1] = backward.args.grad_initial_state[1] = {};
    EXPECT_EQ(backward.run(), SPIKESCAN_OK) << name_of(route) << ": " << spikescan_last_error();
    ++ran;
  }
  EXPECT_EQ(ran, 48);
}

}  // namespace
}  // namespace spikescan
