// spikescan-bench: run (the default), sweep, compare.
#include <CLI/CLI.hpp>

#include <iterator>
#include <regex>

#include "../support/words.h"
#include "compare.h"
#include "suite.h"
#include "sweep.h"

namespace spikescan::bench {
namespace {

template <size_t N>
std::vector<std::string> list_of(const char* const (&names)[N], size_t first, size_t end) {
  return {names + first, names + end};
}

// Lists of shapes and names, with commas.
void add_selection(CLI::App* app, std::vector<std::string>* shapes, std::vector<std::string>* dtypes,
                   std::vector<std::string>* recurrences) {
  const CLI::Validator is_shape(
      [](std::string& text) {
        return read_shape(text.c_str()) ? std::string() : "'" + text + "' is not BxTxC with positive numbers";
      },
      "BxTxC");
  app->add_option("--shapes", *shapes, "batch, steps, channels, such as 64x1024x512,1x1024x64")
      ->delimiter(',')
      ->check(is_shape);
  app->add_option("--dtypes", *dtypes, "of x")->delimiter(',')->check(CLI::IsMember(list_of(kDtypes, 0, 3)));
  app->add_option("--recurrences", *recurrences, "neurons")
      ->delimiter(',')
      ->check(CLI::IsMember(list_of(kRecurrences, 0, std::size(kRecurrences))));
}

std::vector<Shape> shapes_of(const std::vector<std::string>& texts) {
  std::vector<Shape> shapes;
  for (const std::string& text : texts) shapes.push_back(*read_shape(text.c_str()));
  return shapes;
}

const CLI::Validator& is_pattern() {
  static const CLI::Validator validator(
      [](std::string& text) -> std::string {
        try {
          const std::regex pattern(text);
        } catch (const std::regex_error&) {
          return "'" + text + "' is no regular expression";
        }
        return "";
      },
      "REGEX");
  return validator;
}

struct Command {
  CLI::App app{"Measures spikescan on this machine.", "spikescan-bench"};
  RunOptions run;
  SweepOptions sweep;
  CompareOptions compare;
  std::vector<std::string> run_shapes, sweep_shapes;
  CLI::App *run_app, *sweep_app, *compare_app;
  bool no_copy = false;

  Command() {
    app.set_version_flag("--version", std::string(spikescan_version()));
    app.require_subcommand(0, 1);
    run_app = app.add_subcommand("run", "measure every pass, print a table (this is what no subcommand does)");
    sweep_app =
        app.add_subcommand("sweep", "try the GPU's launch plans, print where the planner's choice loses over 3%");
    compare_app = app.add_subcommand("compare", "what changed from A to B beyond noise");
    for (CLI::App* one : {&app, run_app}) add_run(one);
    add_selection(sweep_app, &sweep_shapes, &sweep.dtypes, &sweep.recurrences);
    sweep_app->add_option("--rounds", sweep.rounds, "samples of each plan")->check(CLI::Range(3, 10000));
    add_compare();
  }

  void add_run(CLI::App* one) {
    one->add_option("--filter", run.filter, "cases whose name matches")->check(is_pattern());
    one->add_option("--json", run.json, "also write Google Benchmark's JSON here");
    one->add_option("--backend", run.backends, "cpu, cuda (default: all usable)")
        ->delimiter(',')
        ->check(CLI::IsMember(list_of(kBackends, 1, 3)));
    one->add_option("--series", run.series, "what for (default: all)")
        ->delimiter(',')
        ->check(CLI::IsMember(list_of(kSeries, 0, std::size(kSeries))));
    one->add_option("--min-time", run.min_time, "seconds of samples a case")->check(CLI::PositiveNumber);
    one->add_option("--seconds", run.seconds, "cases that would start later are not run")->check(CLI::PositiveNumber);
    one->add_flag("--no-copy", no_copy, "leave out the methods of copying");
    add_selection(one, &run_shapes, &run.dtypes, &run.recurrences);
  }

  void add_compare() {
    compare_app->add_option("A", compare.a, "a record (.json), a shared library (.so) or a build folder")
        ->required()
        ->check(CLI::ExistingPath);
    compare_app->add_option("B", compare.b, "the same kind")->required()->check(CLI::ExistingPath);
    compare_app->add_option("--filter", compare.filter, "of builds: cases whose name matches")->check(is_pattern());
    compare_app->add_option("--shapes", compare.shapes, "of builds: BxTxC,...");
    compare_app->add_option("--min-time", compare.min_time, "of builds: seconds of samples a case")
        ->check(CLI::PositiveNumber);
    compare_app->add_option("--rounds", compare.rounds, "of builds: A B, so many times")->check(CLI::Range(1, 1000));
  }

  int execute(const char* program) {
    if (sweep_app->parsed()) {
      sweep.shapes = shapes_of(sweep_shapes);
      return run_sweep(sweep);
    }
    if (compare_app->parsed()) return run_compare(compare);
    run.shapes = shapes_of(run_shapes);
    run.copy_methods = !no_copy;
    return bench::run(run, program);
  }
};

}  // namespace
}  // namespace spikescan::bench

int main(int argc, char** argv) {
  spikescan::bench::Command command;
  CLI11_PARSE(command.app, argc, argv);
  return command.execute(argv[0]);
}
