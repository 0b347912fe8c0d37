#include "host/print_plan.h"

namespace spikescan {
namespace {

const char* strategy_name(Strategy strategy) {
  static constexpr const char* kNames[] = {"tiles", "rows", "pieces", "tiles_in_phases"};
  return kNames[strategy];
}

template <class Number>
void add(std::string& line, const char* name, Number value) {
  if (!line.empty()) line += ' ';
  line += std::string(name) + '=' + std::to_string(value);
}

void add_tiles(const Plan& plan, std::string& line) {
  line += " tile=" + std::to_string(plan.tile_channels) + "x" + std::to_string(plan.tile_parts) + "x" +
          std::to_string(plan.tile_steps);
  if (plan.tile_batches > 1) add(line, "tile_batches", plan.tile_batches);
  add(line, "tiles", plan.tiles);
  add(line, "run", plan.run);
}

// `aggregate_blocks` are pieces', `row_columns` backward's.
void add_rows(const Plan& plan, std::string& line) {
  add(line, "row_blocks", plan.row_blocks);
  if (plan.strategy == kPieces) add(line, "aggregate_blocks", plan.aggregate_blocks);
  if (plan.row_columns > 0) add(line, "row_columns", plan.row_columns);
}

}  // namespace

std::string print_launch(const Plan& plan) {
  if (plan.threads == 0) return "";
  std::string line = std::string("strategy=") + strategy_name(plan.strategy);
  add(line, "chunks", plan.chunks);
  if (is_tiles(plan)) {
    add_tiles(plan, line);
  } else {
    add_rows(plan, line);
  }
  add(line, "blocks", plan.blocks);
  add(line, "threads", plan.threads);
  if (plan.chain_threads > 0) {
    line +=
        " chain=" + std::to_string(plan.chain_columns) + "x" + std::to_string(plan.chain_threads / plan.chain_columns);
  }
  return line;
}

std::string print_plan(const Plan& plan, const char* pass) {
  std::string line = print_launch(plan);
  if (plan.shared_bytes > 0) add(line, "shared_bytes", plan.shared_bytes);
  if (plan.cleared_bytes > 0) add(line, "cleared_bytes", plan.cleared_bytes);
  if (plan.partial_rows > 0) add(line, "partial_rows", plan.partial_rows);
  add(line, "workspace_bytes", plan.workspace_bytes);
  return std::string(pass) + ": " + line;
}

}  // namespace spikescan
