#include "runtime/rank_group.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice {
namespace {

// Votes of calls have other stages.
constexpr std::uint64_t kBareStage = 0;

Error transport(const char* what) {
  return {Status::io_error,
          std::string("the ranks could not ") + what + ": their transport failed"};
}

}  // namespace

Outcome RankGroup::agree(Vote own, const Outcome& outcome) {
  if (!outcome.ok()) {
    own.failed = 1 + static_cast<std::uint64_t>(outcome.error().status);
    const std::string_view text = outcome.error().message;
    std::copy_n(text.data(), std::min(text.size(), own.message.size() - 1), own.message.data());
  }
  const auto bytes = std::as_writable_bytes(votes());
  if (count() == 1)
    votes()[0] = own;
  else if (!ranks_.gather || !ranks_.gather(std::as_bytes(std::span(&own, 1)), bytes))
    return transport("gather what each says");
  if (!outcome.ok()) return outcome;
  for (std::size_t rank = 0; rank < count(); ++rank) {
    const Vote& each = vote_of(rank);
    if (each.failed == 0) continue;
    const auto status = static_cast<Status>(
        std::min<std::uint64_t>(each.failed - 1, static_cast<std::uint64_t>(Status::io_error)));
    const char* const end = std::find(each.message.begin(), each.message.end() - 1, '\0');
    return Error{status,
                 "rank " + std::to_string(rank) + ": " + std::string(each.message.data(), end)};
  }
  for (std::size_t rank = 0; rank < count(); ++rank)
    if (vote_of(rank).stage != own.stage)
      return Error{Status::invalid_argument, "the ranks are in different calls: rank " +
                                                 std::to_string(rank) + " is not in this rank's"};
  return Unit{};
}

Outcome RankGroup::broadcast(std::size_t root, std::span<std::byte> bytes) const {
  if (count() == 1 || (ranks_.broadcast && ranks_.broadcast(root, bytes))) return Unit{};
  return transport("send what the last one has merged");
}

Outcome RankGroup::exchange(std::span<const Ranks::Message> sent,
                            std::span<const Ranks::Message> received) const {
  if (count() == 1 || (ranks_.exchange && ranks_.exchange(sent, received))) return Unit{};
  return transport("exchange parts of rows");
}

Outcome agree(const Ranks& ranks, const Outcome& own) {
  RankGroup group(ranks);
  Vote vote;
  vote.stage = kBareStage;
  return group.agree(vote, own);
}

}  // namespace sluice
