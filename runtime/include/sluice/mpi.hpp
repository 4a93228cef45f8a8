// Ranks of MPI, for <sluice/sharded.hpp>. In CMake the target sluice::mpi; it is of headers alone,
// and so goes with the MPI that the program is built with.
//
// MPI must allow calls from the thread that makes them: MPI_THREAD_FUNNELED from the main one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

#include <mpi.h>

#include <sluice/sharded.hpp>

namespace sluice::mpi {

namespace detail {

// A communicator of our own, so that no message meets one of the caller's.
struct Communicator {
  MPI_Comm handle = MPI_COMM_NULL;

  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  ~Communicator() {
    int over = 0;
    if (handle != MPI_COMM_NULL && MPI_Finalized(&over) == MPI_SUCCESS && over == 0)
      MPI_Comm_free(&handle);
  }
};

// MPI counts in int.
inline constexpr std::size_t kMostBytes = std::size_t{1} << 30;

// The part that begins at `at`, of at most so many.
inline int part(std::size_t bytes, std::size_t at) {
  return static_cast<int>(std::min(bytes - std::min(at, bytes), kMostBytes));
}

inline std::span<std::byte> of_rank(std::span<const Ranks::Message> list, std::size_t rank) {
  for (const Ranks::Message& each : list)
    if (each.rank == rank) return each.bytes;
  return {};
}

// To one rank and from one, at once.
inline bool shifted(MPI_Comm communicator, std::span<const std::byte> to, int to_rank,
                    std::span<std::byte> from, int from_rank) {
  for (std::size_t at = 0; at < std::max(to.size(), from.size()); at += kMostBytes) {
    const int sent = part(to.size(), at), received = part(from.size(), at);
    if (MPI_Sendrecv(sent > 0 ? to.data() + at : nullptr, sent, MPI_BYTE,
                     sent > 0 ? to_rank : MPI_PROC_NULL, 0,
                     received > 0 ? from.data() + at : nullptr, received, MPI_BYTE,
                     received > 0 ? from_rank : MPI_PROC_NULL, 0, communicator,
                     MPI_STATUS_IGNORE) != MPI_SUCCESS)
      return false;
  }
  return true;
}

}  // namespace detail

// The ranks of an intracommunicator, over a duplicate of it, which is freed with the last copy of
// what this gives, by all ranks alike and before MPI_Finalize(). Failures of MPI are statuses, not
// the end of the program, where they come to be known at all. Errors: `invalid_argument` where MPI
// is not initialized or the communicator is none, `io_error` where it can't be duplicated.
// Collective.
[[nodiscard]] inline Result<Ranks> ranks_of(MPI_Comm communicator) {
  int begun = 0, over = 0, rank = 0, count = 0;
  if (MPI_Initialized(&begun) != MPI_SUCCESS || begun == 0 || MPI_Finalized(&over) != MPI_SUCCESS ||
      over != 0)
    return Error{Status::invalid_argument, "MPI is not initialized, or is finalized"};
  if (communicator == MPI_COMM_NULL)
    return Error{Status::invalid_argument, "MPI_COMM_NULL has no ranks"};
  const auto own = std::make_shared<detail::Communicator>();
  if (MPI_Comm_dup(communicator, &own->handle) != MPI_SUCCESS ||
      MPI_Comm_set_errhandler(own->handle, MPI_ERRORS_RETURN) != MPI_SUCCESS ||
      MPI_Comm_rank(own->handle, &rank) != MPI_SUCCESS ||
      MPI_Comm_size(own->handle, &count) != MPI_SUCCESS)
    return Error{Status::io_error, "MPI can't duplicate the communicator"};
  Ranks ranks;
  ranks.rank = static_cast<std::size_t>(rank);
  ranks.count = static_cast<std::size_t>(count);
  ranks.gather = [own](std::span<const std::byte> from, std::span<std::byte> all) {
    const int bytes = static_cast<int>(from.size());
    return MPI_Allgather(from.data(), bytes, MPI_BYTE, all.data(), bytes, MPI_BYTE, own->handle) ==
           MPI_SUCCESS;
  };
  ranks.broadcast = [own](std::size_t root, std::span<std::byte> bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += detail::kMostBytes)
      if (MPI_Bcast(bytes.data() + at, detail::part(bytes.size(), at), MPI_BYTE,
                    static_cast<int>(root), own->handle) != MPI_SUCCESS)
        return false;
    return true;
  };
  // In one order on all ranks and without memory of its own, whose lack on one would hold up all.
  ranks.exchange = [own, rank, count](std::span<const Ranks::Message> sent,
                                      std::span<const Ranks::Message> received) {
    for (int shift = 1; shift < count; ++shift) {
      const int to = (rank + shift) % count, from = (rank + count - shift) % count;
      if (!detail::shifted(own->handle, detail::of_rank(sent, static_cast<std::size_t>(to)), to,
                           detail::of_rank(received, static_cast<std::size_t>(from)), from))
        return false;
    }
    return true;
  };
  return ranks;
}

}  // namespace sluice::mpi
