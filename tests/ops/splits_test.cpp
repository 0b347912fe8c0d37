// A call cut into pieces over batch, channels, or time at multiples of split_steps gives the whole call's bits:
// spikes, membrane, states, and every gradient that belongs to a row.
#include "ops/target.h"
#include "support/coverage.h"
#include "support/forms.h"
#include "support/random_case.h"

namespace spikescan::ops {
namespace {

using support::Backward;
using support::Box;
using support::Case;
using support::Forward;

class Splits : public OpsWith<spikescan_recurrence> {
 protected:
  Case whole_case(int64_t batch, int64_t time, int64_t channels) const {
    Case c;
    c.description.recurrence = GetParam();
    c.description.rule = GetParam() % 2 ? SPIKESCAN_REFRACTORY_SIGMOID_BERNOULLI : SPIKESCAN_SIGMOID_BERNOULLI;
    c.description.batch = batch;
    c.description.time = time;
    c.description.channels = channels;
    c.description.batch_origin = 1000;
    c.description.channel_origin = 70000;
    c.description.time_origin = 64;
    return c;
  }

  void expect_piece(const Case& whole, const Forward& forward, const Backward& backward, const Box& box) const {
    ASSERT_EQ(support::part_difference(target(), support::part_of(whole, box), support::part_of(forward, whole, box),
                                       support::part_of(backward, whole, box)),
              "");
  }
};
INSTANTIATE_TEST_SUITE_P(All, Splits, testing::ValuesIn(support::kRecurrences),
                         [](const auto& info) { return support::name_of(info.param); });

// [0, length) in `pieces` parts of nearly the same size.
std::pair<int64_t, int64_t> piece_of(int64_t length, int64_t pieces, int64_t i) {
  const int64_t first = length * i / pieces;
  return {first, length * (i + 1) / pieces - first};
}

TEST_P(Splits, BatchAndChannels) {
  for (const spikescan_dtype spikes : {SPIKESCAN_FLOAT32, SPIKESCAN_BITS32}) {
    Case whole = target().fast ? whole_case(9, chunk_steps() + 76, 41) : whole_case(8, chunk_steps() + 76, 9);
    whole.spikes_dtype = spikes;
    support::fill(whole, 51);
    const spikescan_description& d = whole.description;
    const Forward forward = support::forward(target(), whole);
    const Backward backward = support::backward(target(), whole, forward.saved);
    const int64_t most = target().fast ? 8 : 3;
    for (int64_t pieces = 1; pieces <= most; ++pieces) {
      for (int64_t i = 0; i < pieces; ++i) {
        const auto [batch, batches] = piece_of(d.batch, pieces, i);
        const auto [channel, channels] = piece_of(d.channels, pieces, i);
        SCOPED_TRACE(testing::Message() << "piece " << i << " of " << pieces);
        vary(static_cast<uint64_t>(i));
        expect_piece(whole, forward, backward, {{batch, 0, 0}, {batches, d.time, d.channels}});
        expect_piece(whole, forward, backward, {{0, 0, channel}, {d.batch, d.time, channels}});
      }
    }
    // Both at once, and the parameter gradients of a channel piece: their sums run over batch and time alone.
    expect_piece(whole, forward, backward, {{1, 0, 3}, {5, d.time, 4}});
    const Case piece = support::part_of(whole, {{0, 0, 2}, {d.batch, d.time, 5}});
    const Backward gradients = support::backward(target(), piece, support::forward(target(), piece).saved);
    for (size_t c = 0; c < 5; ++c) EXPECT_EQ(gradients.grad_beta.bits[c], backward.grad_beta.bits[c + 2]);
  }
}

struct Piece {
  Box box;
  Case input;
  Forward forward;
};

// Piece by piece, each from the state that the one before has left.
std::vector<Piece> forward_in_pieces(const Case& whole, const std::vector<int64_t>& bounds) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    const Box box = {{0, bounds[i], 0}, {1, bounds[i + 1] - bounds[i], whole.description.channels}};
    Case input = support::part_of(whole, box);
    for (int n = 0; n < (whole.has_second() ? 2 : 1) && i > 0; ++n) {
      input.initial[n] = pieces.back().forward.final_state[n].floats();
    }
    pieces.push_back({box, input, support::forward(target(), input)});
  }
  return pieces;
}

void expect_forward(const Case& whole, const Forward& want, const std::vector<Piece>& pieces) {
  for (const Piece& piece : pieces) {
    const Forward part = support::part_of(want, whole, piece.box);
    EXPECT_EQ(support::difference(piece.forward.spikes, part.spikes), "") << "from step " << piece.box.first[1];
    EXPECT_EQ(support::difference(piece.forward.membrane, part.membrane), "") << "from step " << piece.box.first[1];
  }
  for (int n = 0; n < 2; ++n) {
    EXPECT_EQ(support::difference(pieces.back().forward.final_state[n], want.final_state[n]), "");
  }
}

// From the last piece to the first, each from the gradient that the one after it has left.
void expect_backward(const Case& whole, const Backward& want, const std::vector<Piece>& pieces) {
  Backward later;
  for (size_t i = pieces.size(); i-- > 0;) {
    Case input = pieces[i].input;
    for (int n = 0; n < (whole.has_second() ? 2 : 1) && i + 1 < pieces.size(); ++n) {
      input.grad_final[n] = later.grad_initial[n].floats();
    }
    later = support::backward(target(), input, pieces[i].forward.saved);
    const Backward part = support::part_of(want, whole, pieces[i].box);
    EXPECT_EQ(support::difference(later.grad_x, part.grad_x), "") << "from step " << pieces[i].box.first[1];
  }
  for (int n = 0; n < 2; ++n) EXPECT_EQ(support::difference(later.grad_initial[n], want.grad_initial[n]), "");
}

TEST_P(Splits, Time) {
  int64_t split = 0;
  spikescan_time_units(&split, nullptr);
  ASSERT_EQ(split, 262144) << "the contract's unit, which users' files and pipelines may rely on";
  const int64_t splits = target().fast ? 3 : 1;
  Case whole = whole_case(1, splits * split + 1030, target().fast ? 3 : 1);
  whole.spikes_dtype = SPIKESCAN_BITS32;
  support::fill(whole, 52, {.lowest_decay = 0.9f, .highest_decay = 0.99999f});
  const Forward forward = support::forward(target(), whole);
  const Backward backward = support::backward(target(), whole, forward.saved);
  for (unsigned cuts = 1; cuts < 1u << splits; ++cuts) {
    SCOPED_TRACE(testing::Message() << "cuts " << cuts);
    vary(cuts);
    std::vector<int64_t> bounds = {0};
    for (int i = 0; i < splits; ++i) {
      if (cuts >> i & 1) bounds.push_back((i + 1) * split);
    }
    bounds.push_back(whole.description.time);
    const std::vector<Piece> pieces = forward_in_pieces(whole, bounds);
    expect_forward(whole, forward, pieces);
    expect_backward(whole, backward, pieces);
  }
}

}  // namespace
}  // namespace spikescan::ops
