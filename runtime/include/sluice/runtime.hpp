// The runtime: programs in, kernels out, with a cache between.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/code_tools.hpp>
#include <sluice/hooks.hpp>
#include <sluice/kernel.hpp>
#include <sluice/program.hpp>
#include <sluice/spec.hpp>
#include <sluice/status.hpp>

namespace sluice {

struct ResolvedSpec;

struct RuntimeOptions {
  // Memory that kernels in the cache may take: code, constants and entries. One that is larger is
  // returned and not kept.
  std::size_t cache_bytes = std::size_t{64} << 20;
  // Of specs that name none. Empty: what the environment variable SLUICE_TARGET says when the
  // runtime is made, and without it the best of this processor.
  std::string target = {};
  std::vector<Rung> denied = {};
  // Told of each kernel's code, besides those that the environment variable SLUICE_CODE_TOOLS names
  // when the runtime is made: some of gdb,perf_map,jitdump.
  CodeTools code_tools = {};
  // Where kernels of machine code are kept for the next process: a folder of the user's own, mode
  // 0700, which is made where there is none. None given: what the environment variable SLUICE_CACHE
  // says when the runtime is made; none there, or empty: no disk store. A folder that can't be used
  // is not: Runtime::disk_problem() says why.
  std::optional<std::string> disk_folder = {};
  std::uint64_t disk_bytes = std::uint64_t{256} << 20;  // that it may take
  // For what kernels of this runtime need in bulk: until the runtime, its kernels and their states
  // are gone, and each thread that called one of them without a workspace has ended or has called
  // release_workspaces().
  Allocator allocator = {};
  Log log = {};  // what would go unseen; it lives as long as the runtime and its kernels do
};

// Counts since the runtime was made; `entries`, `bytes` and `held_bytes` are those of this moment.
struct Counters {
  std::uint64_t hits = 0;
  std::uint64_t misses =
      0;  // look-ups that found nothing, those that waited for another's included
  std::uint64_t compiles = 0;  // kernels from disk are none
  std::uint64_t failures = 0;  // compilations that gave no kernel
  std::uint64_t lowered = 0;   // those whose kernel is on a lower rung than its spec allows
  std::uint64_t evictions = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;       // in the cache, never more than its bound
  std::uint64_t held_bytes = 0;  // of kernels that are not in the cache and that someone holds
  std::uint64_t compile_nanoseconds = 0;
  // Of the disk store. A kernel may be of several entries: those that help a mean or a check are
  // kernels, too.
  std::uint64_t disk_hits = 0;
  std::uint64_t disk_misses = 0;
  std::uint64_t disk_rejects = 0;  // entries that were damaged or another's; not among the misses
  std::uint64_t disk_bytes = 0;    // written
};

// A spec in canonical form: equal keys stand for the same code. Immutable, cheap to copy.
class Key {
 public:
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Key& a, const Key& b);

 private:
  friend class Runtime;
  Key(std::shared_ptr<const ResolvedSpec> spec, std::uint64_t hash)
      : hash_(hash), spec_(std::move(spec)) {}

  std::uint64_t hash_;
  std::shared_ptr<const ResolvedSpec> spec_;
};

// Every function may be called from any thread at once. Kernels may outlive the runtime; guards may
// not, and a runtime must not be moved or destroyed while another thread uses it.
class Runtime {
 public:
  explicit Runtime(const RuntimeOptions& options = {});
  Runtime(Runtime&& other) noexcept;
  Runtime& operator=(Runtime&& other) noexcept;
  ~Runtime();

  // Adds definitions: later specs see them; a name defined again means its latest definition.
  // Kernels and keys that exist keep their meaning.
  Outcome define(std::string_view text, std::string_view name = "text");
  [[nodiscard]] Program program() const;  // the library and all that was defined

  // The kernel of a spec: from the cache, from disk, or compiled. However many threads ask at once,
  // one compiles; a failure is not kept.
  [[nodiscard]] Result<Kernel> compile(const KernelSpec& spec);
  [[nodiscard]] Result<Kernel> compile(const Key& key);
  // Compiles what is not there yet, all of the list; the first error, if any.
  Outcome prewarm(std::span<const KernelSpec> specs);
  // The same of a file's list (<sluice/spec_list.hpp>), whose names are read in this runtime.
  // Errors name file and line; a text that is no list compiles nothing, io_error where it can't be
  // read.
  Outcome prewarm_file(const std::string& path);

  [[nodiscard]] Result<Key> key(const KernelSpec& spec) const;

  // While a guard lives, kernels that get() found through it stay. A guard is one thread's, and may
  // serve many look-ups, whose hits count when it ends; memory of evicted kernels is given back
  // only then, too.
  class [[nodiscard]] Guard {
   public:
    Guard(Guard&& other) noexcept : visits_(other.visits_), hits_(other.hits_) {
      other.visits_ = nullptr;
    }
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (visits_ != nullptr)
        visits_->fetch_add((hits_ << kVisitBits) - 1, std::memory_order_release);
    }

    // A count of hits above this many bits for the visitors that have not left.
    static constexpr unsigned kVisitBits = 24;

   private:
    friend class Runtime;
    explicit Guard(std::atomic<std::uint64_t>& visits) : visits_(&visits) {}
    std::atomic<std::uint64_t>* visits_;
    mutable std::uint64_t hits_ = 0;
  };
  [[nodiscard]] Guard guard() const;

  // The kernel of a key if it is in the cache, else null. No lock, no allocation. Copy the kernel
  // to keep it beyond the guard.
  [[nodiscard]] const Kernel* get(const Key& key, const Guard& guard) const;

  [[nodiscard]] Counters counters() const;
  // Why the disk store that was asked for is not used; empty where it is, or none was.
  [[nodiscard]] const std::string& disk_problem() const;
  // Drops every kernel cached in memory; those that callers hold go on working.
  void clear();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A runtime with the default options, made when first asked for and never destroyed, for programs
// that need no more than one.
[[nodiscard]] Runtime& default_runtime();

}  // namespace sluice
