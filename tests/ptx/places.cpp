// The places of registers. nvcc takes a new register for every value, thousands in a kernel, of which few hold one at a
// time: in as few places, a thread's registers stay in a cache.
#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>

#include "ptx/kernel.h"

namespace ptx {
namespace {

class Set {
 public:
  explicit Set(std::size_t size) : words_((size + 63) / 64) {}
  bool has(std::size_t n) const { return (words_[n / 64] >> n % 64 & 1u) != 0; }
  void add(std::size_t n) { words_[n / 64] |= std::uint64_t{1} << n % 64; }
  // Those of `other` that are not in `without`; whether any is new.
  bool add_all(const Set& other, const Set& without) {
    std::uint64_t added = 0;
    for (std::size_t w = 0; w < words_.size(); ++w) {
      const std::uint64_t more = other.words_[w] & ~without.words_[w] & ~words_[w];
      words_[w] |= more;
      added |= more;
    }
    return added != 0;
  }
  template <class Visit>
  void visit(Visit visit) const {
    for (std::size_t w = 0; w < words_.size(); ++w) {
      for (std::uint64_t left = words_[w]; left != 0; left &= left - 1) {
        visit(w * 64 + static_cast<std::size_t>(std::countr_zero(left)));
      }
    }
  }

 private:
  std::vector<std::uint64_t> words_;
};

template <class Visit>
void visit_places(const int (&places)[4], Visit visit) {
  for (const int place : places) {
    if (place >= 0) visit(static_cast<std::size_t>(place));
  }
}
template <class Visit>
void visit_reads(const Instruction& i, Visit visit) {
  if (i.predicate >= 0) visit(static_cast<std::size_t>(i.predicate));
  visit_places(i.from, visit);
  if (i.kind == Kind::store) visit_places(i.to, visit);
}
template <class Visit>
void visit_writes(const Instruction& i, Visit visit) {
  if (i.kind != Kind::store) visit_places(i.to, visit);
}

// Instructions that run one after the other.
struct Stretch {
  std::size_t first, last;
  std::vector<std::size_t> next;  // stretches
  Set written;                    // whatever the predicates
  Set live;                       // at its start: read, here or later, before it is written
};

std::vector<Stretch> stretches_of(const Kernel& kernel) {
  const auto leaves = [](const Instruction& i) { return i.kind == Kind::branch || i.kind == Kind::end; };
  const auto target = [](const Instruction& i) { return static_cast<std::size_t>(i.target); };
  std::vector<std::size_t> number(kernel.code.size());  // at first 1 where a stretch starts, but for the first one
  for (std::size_t at = 0; at < kernel.code.size(); ++at) {
    const Instruction& i = kernel.code[at];
    if (i.kind == Kind::branch && i.target != 0) number[target(i)] = 1;
    if (leaves(i) && at + 1 < number.size()) number[at + 1] = 1;
  }
  std::partial_sum(number.begin(), number.end(), number.begin());

  const Set none(kernel.registers.size());
  std::vector<Stretch> stretches(number.back() + 1, {0, 0, {}, none, none});
  for (std::size_t at = 0; at < kernel.code.size(); ++at) {
    const Instruction& i = kernel.code[at];
    Stretch& stretch = stretches[number[at]];
    if (at == 0 || number[at] != number[at - 1]) stretch.first = at;
    stretch.last = at;
    visit_reads(i, [&](std::size_t place) {
      if (!stretch.written.has(place)) stretch.live.add(place);
    });
    if (i.predicate < 0) visit_writes(i, [&](std::size_t place) { stretch.written.add(place); });
  }
  for (std::size_t n = 0; n < stretches.size(); ++n) {
    const Instruction& i = kernel.code[stretches[n].last];
    if (i.kind == Kind::branch) stretches[n].next.push_back(number[target(i)]);
    if (!leaves(i) || i.predicate >= 0) stretches[n].next.push_back(n + 1);
  }
  for (bool changes = true; changes;) {
    changes = false;
    for (std::size_t n = stretches.size(); n-- > 0;) {
      for (const std::size_t next : stretches[n].next) {
        changes = stretches[n].live.add_all(stretches[next].live, stretches[n].written) || changes;
      }
    }
  }
  return stretches;
}

// From the first to the last instruction, in the order of the text, at which a register keeps a value.
struct Extent {
  std::size_t first = std::numeric_limits<std::size_t>::max(), last = 0;
  bool is_none() const { return first > last; }
  void reach(std::size_t at) {
    first = std::min(first, at);
    last = std::max(last, at);
  }
};

std::vector<Extent> extents_of(const Kernel& kernel) {
  const std::vector<Stretch> stretches = stretches_of(kernel);
  std::vector<Extent> extents(kernel.registers.size());
  const auto reach = [&](std::size_t at) { return [&, at](std::size_t place) { extents[place].reach(at); }; };
  for (const Stretch& stretch : stretches) {
    stretch.live.visit(reach(stretch.first));
    for (const std::size_t next : stretch.next) stretches[next].live.visit(reach(stretch.last));
    for (std::size_t at = stretch.first; at <= stretch.last; ++at) {
      visit_reads(kernel.code[at], reach(at));
      visit_writes(kernel.code[at], reach(at));
    }
  }
  // What a thread finds there at its start, such as a constant, stays.
  stretches[0].live.visit(reach(0));
  stretches[0].live.visit(reach(kernel.code.size()));
  return extents;
}

// A place for each register that has an extent; their number.
std::size_t choose_places(const std::vector<Extent>& extents, std::vector<int>& places) {
  std::vector<std::size_t> order(extents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return extents[a].first < extents[b].first; });
  using Taken = std::pair<std::size_t, int>;  // up to which instruction, the place
  std::priority_queue<Taken, std::vector<Taken>, std::greater<Taken>> taken;
  std::vector<int> free;
  int count = 0;
  for (const std::size_t n : order) {
    if (extents[n].is_none()) continue;
    for (; !taken.empty() && taken.top().first < extents[n].first; taken.pop()) free.push_back(taken.top().second);
    if (free.empty()) free.push_back(count++);
    places[n] = free.back();
    free.pop_back();
    taken.push({extents[n].last, places[n]});
  }
  return static_cast<std::size_t>(count);
}

}  // namespace

void share_places(Kernel& kernel) {
  const std::vector<Extent> extents = extents_of(kernel);
  std::vector<int> places(extents.size(), -1);
  std::vector<std::uint64_t> registers(choose_places(extents, places));
  for (std::size_t n = 0; n < places.size(); ++n) {
    // Only constants have another value than 0, and nothing shares the place of one.
    if (places[n] >= 0 && kernel.registers[n] != 0)
      registers[static_cast<std::size_t>(places[n])] = kernel.registers[n];
  }
  kernel.registers = std::move(registers);

  const auto move = [&](int& place) {
    if (place >= 0) place = places[static_cast<std::size_t>(place)];
  };
  for (Instruction& i : kernel.code) {
    move(i.predicate);
    for (int& place : i.to) move(place);
    for (int& place : i.from) move(place);
  }
  for (Kernel::ParameterAddress& address : kernel.parameter_addresses) move(address.place);
  for (int* special : {&kernel.thread, &kernel.threads, &kernel.block, &kernel.blocks}) move(*special);
}

}  // namespace ptx
