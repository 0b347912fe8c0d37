// Where a block's threads meet: the block barrier and the warps' mailboxes (block.h, collectives.h).
#include "simt/collectives.h"

#include <cstdio>
#include <cstring>
#include <thread>

#include "simt/block.h"
#include "simt/sanitizers.h"

namespace simt::detail {
namespace {

bool same_place(Site a, Site b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

std::string hex(unsigned mask) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  return text;
}

// What a shuffle gives where CUDA leaves it undefined: NaN, in any of the types that a shuffle moves.
constexpr std::uint64_t kUndefined = kPoison * 0x0001000100010001u;

// CUDA's rule for the lane that a shuffle reads. A lane beyond the segment reads itself.
unsigned source_lane(Collective kind, unsigned lane, unsigned argument, unsigned width) {
  const unsigned first = lane / width * width;
  const unsigned last = first + width - 1;
  switch (kind) {
    case Collective::shfl:
      return first + argument % width;
    case Collective::shfl_up:
      return argument > lane - first ? lane : lane - argument;
    case Collective::shfl_down:
      return argument > last - lane ? lane : lane + argument;
    default:  // shfl_xor may read an earlier segment
      return (lane ^ argument) > last ? lane : lane ^ argument;
  }
}

unsigned votes_of(const Mailbox& box) {
  unsigned votes = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((box.arrived >> lane & 1u) != 0 && box.value[lane] != 0) votes |= 1u << lane;
  }
  return votes;
}

std::uint64_t answer(const Mailbox& box, unsigned lane, unsigned votes) {
  switch (box.kind) {
    case Collective::syncwarp:
      return 0;
    case Collective::ballot:
      return votes;
    case Collective::any:
      return votes != 0;
    case Collective::all:
      return votes == box.arrived;
    default:
      const unsigned source = source_lane(box.kind, lane, box.argument[lane], static_cast<unsigned>(box.width));
      return (box.arrived >> source & 1u) != 0 ? box.value[source] : kUndefined;
  }
}

}  // namespace

const char* name(Collective kind) {
  static constexpr const char* kNames[] = {
      "__syncthreads",  "__syncthreads_or", "__syncthreads_and", "__syncthreads_count", "__syncwarp", "__shfl_sync",
      "__shfl_up_sync", "__shfl_down_sync", "__shfl_xor_sync",   "__ballot_sync",       "__any_sync", "__all_sync"};
  return kNames[static_cast<int>(kind)];
}

std::string to_string(Site site) {
  if (site.line == 0) return "an unknown line";
  return std::string(site.file) + ":" + std::to_string(site.line);
}

int Block::barrier(Collective kind, int predicate, Site site) {
  Fiber& self = *current_;
  note_collective(self, site);
  if (done_ > 0) {
    fail(FaultKind::exit_before_barrier, site, [&] {
      return describe(self) + " waits at " + to_string(site) + ", but " + std::to_string(done_) +
             " threads of its block have returned";
    });
  }
  if (barrier_.arrived == 0) {
    barrier_.kind = kind;
    barrier_.site = site;
    barrier_.count = 0;
  } else if (barrier_.kind != kind || !same_place(barrier_.site, site)) {
    fail(FaultKind::divergent_barrier, site, [&] {
      return describe(self) + " reaches " + name(kind) + " at " + to_string(site) + ", but others wait in " +
             name(barrier_.kind) + " at " + to_string(barrier_.site);
    });
  }
  const unsigned phase = barrier_.phase;
  self.waiting = true;
  self.kind = kind;
  barrier_.count += predicate != 0;
  release(&barrier_.token[phase]);
  if (++barrier_.arrived == grid_.threads) {
    const int threads = static_cast<int>(grid_.threads);
    const int count = barrier_.count;
    const bool is_or = kind == Collective::syncthreads_or;
    const bool is_and = kind == Collective::syncthreads_and;
    barrier_.result[phase] = is_or ? count > 0 : is_and ? count == threads : count;
    barrier_.phase ^= 1;
    barrier_.arrived = 0;
    ++barriers_passed_;
    note_meeting();
    if (thread_sanitizer()) std::this_thread::yield();  // the other resident blocks take part
    for (Fiber& fiber : fibers_) make_ready(fiber);
  }
  suspend(Leaving::for_now);
  acquire(&barrier_.token[phase]);
  return barrier_.result[phase];
}

Mailbox& Block::mailbox(Warp& warp, unsigned mask) {
  for (auto& box : warp.mailboxes) {
    if (box->mask == mask) return *box;
  }
  const AsOsThread scope(*this);
  warp.mailboxes.push_back(std::make_unique<Mailbox>());
  warp.mailboxes.back()->mask = mask;
  return *warp.mailboxes.back();
}

// Two lanes that wait for each other under different masks would wait for ever. A lane that waits under another mask
// without the caller in it may still come.
void Block::check_masks(const Warp& warp, unsigned mask, unsigned lane, Site site) {
  for (const auto& box : warp.mailboxes) {
    if (box->mask == mask || (box->arrived & mask) == 0 || (box->mask >> lane & 1u) == 0) continue;
    fail(FaultKind::mask_mismatch, site, [&] {
      return describe(*current_) + " calls with mask " + hex(mask) + " at " + to_string(site) +
             ", but a lane of that mask waits for it with mask " + hex(box->mask) + " at " + to_string(box->site);
    });
  }
}

std::uint64_t Block::meet(Collective kind, unsigned mask, std::uint64_t value, unsigned argument, int width,
                          Site site) {
  Fiber& self = *current_;
  note_collective(self, site);
  const unsigned lane = self.number % 32;
  Warp& warp = warps_[self.number / 32];
  if ((mask >> lane & 1u) == 0) {
    fail(FaultKind::wrong_mask, site, [&] {
      return describe(self) + " (lane " + std::to_string(lane) + ") calls " + name(kind) + " at " + to_string(site) +
             " with mask " + hex(mask) + ", which leaves it out";
    });
  }
  if (width < 1 || width > 32 || (width & (width - 1)) != 0) {
    fail(FaultKind::collective_mismatch, site, [&] {
      return "a shuffle's width is 1, 2, 4, 8, 16 or 32, not " + std::to_string(width) + ", at " + to_string(site);
    });
  }
  check_masks(warp, mask, lane, site);
  Mailbox& box = mailbox(warp, mask);
  if (box.arrived == 0) {
    box.kind = kind;
    box.width = width;
    box.site = site;
  } else if (box.kind != kind || box.width != width || !same_place(box.site, site)) {
    fail(FaultKind::collective_mismatch, site, [&] {
      return describe(self) + " calls " + name(kind) + " at " + to_string(site) + ", but lanes of its mask wait in " +
             name(box.kind) + " at " + to_string(box.site);
    });
  }
  const unsigned phase = box.phase;
  self.waiting = true;
  self.kind = kind;
  self.mask = mask;
  box.value[lane] = value;
  box.argument[lane] = argument;
  box.arrived |= 1u << lane;
  if (kind == Collective::syncwarp) release(&box.token[phase]);
  if ((mask & ~(box.arrived | warp.gone)) == 0) deliver(box, self.number / 32);
  suspend(Leaving::for_now);
  if (kind == Collective::syncwarp) acquire(&box.token[phase]);
  return self.result;
}

void Block::deliver(Mailbox& box, unsigned warp_number) {
  const unsigned votes = votes_of(box);
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((box.arrived >> lane & 1u) == 0) continue;
    Fiber& fiber = fibers_[warp_number * 32 + lane];
    fiber.result = answer(box, lane, votes);
    make_ready(fiber);
  }
  box.arrived = 0;
  box.phase ^= 1;
  note_meeting();
}

int block_collective(Collective kind, int predicate, Site site) {
  return current_block().barrier(kind, predicate, site);
}

std::uint64_t warp_collective(Collective kind, unsigned mask, std::uint64_t value, unsigned argument, int width,
                              Site site) {
  return current_block().meet(kind, mask, value, argument, width, site);
}

}  // namespace simt::detail
