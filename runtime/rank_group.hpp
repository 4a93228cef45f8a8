// Ranks that agree before they go on: every step that a rank may fail in ends with a vote.
//
// In: what this rank has done since the last vote, and how that ended. Out: the same decision on
// all ranks. Nothing that can fail on one rank alone may stand between a vote and what is exchanged
// after it. A vote takes no memory, so that a rank that has none can still say so; of more than
// kNearRanks ranks the group takes 256 bytes a rank when it is made, whose lack throws.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

#include <sluice/sharded.hpp>
#include <sluice/status.hpp>

namespace sluice {

// What a rank says of itself: as bytes, on machines of one byte order.
struct Vote {
  std::uint64_t stage = 0;   // which vote this is; of what differs, nothing else is looked at
  std::uint64_t failed = 0;  // 0, or 1 + the status
  std::uint64_t kernel = 0;
  std::uint64_t options = 0;
  std::uint64_t shared = 0;  // the operands of one row for all, a bit each
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::uint64_t bytes = 0;  // that it has to send
  std::array<char, 192> message{};
};
static_assert(sizeof(Vote) == 256);

// The status is that of `body`, or that there was no memory for it.
template <typename Body>
Outcome attempt(const Body& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{Status::out_of_memory, "out of memory"};  // no longer than a string's own room
  }
}

class RankGroup {
 public:
  explicit RankGroup(const Ranks& ranks) : ranks_(ranks) {
    if (ranks.count > kNearRanks) far_.resize(ranks.count);
  }

  [[nodiscard]] std::size_t rank() const { return ranks_.rank; }
  [[nodiscard]] std::size_t count() const { return ranks_.count; }
  // Of the last vote.
  [[nodiscard]] const Vote& vote_of(std::size_t rank) const { return votes()[rank]; }

  // This rank's error, else that of the lowest rank that has one.
  [[nodiscard]] Outcome agree(Vote own, const Outcome& outcome);
  [[nodiscard]] Outcome broadcast(std::size_t root, std::span<std::byte> bytes) const;
  [[nodiscard]] Outcome exchange(std::span<const Ranks::Message> sent,
                                 std::span<const Ranks::Message> received) const;

 private:
  static constexpr std::size_t kNearRanks = 64;

  [[nodiscard]] std::span<Vote> votes() {
    return {far_.empty() ? near_.data() : far_.data(), ranks_.count};
  }
  [[nodiscard]] std::span<const Vote> votes() const {
    return {far_.empty() ? near_.data() : far_.data(), ranks_.count};
  }

  const Ranks& ranks_;
  std::array<Vote, kNearRanks> near_;
  std::vector<Vote> far_;
};

}  // namespace sluice
