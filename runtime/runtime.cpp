#include <sluice/runtime.hpp>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <utility>

#include "compiler/rewrite/rules.hpp"
#include "runtime/at_fork.hpp"
#include "runtime/cache.hpp"
#include "runtime/kernel_state.hpp"
#include "runtime/key.hpp"
#include "support/target.hpp"

namespace sluice {

struct Runtime::Impl {
  explicit Impl(const RuntimeOptions& options)
      : cache(options.cache_bytes),
        home{cache.live_bytes(),
             std::make_shared<object::CodeLoader>(choose_tools(options.code_tools)), nullptr,
             std::make_shared<const Hooks>(Hooks{options.allocator, options.log})} {
    for (const Rung rung : kRungs) defaults.allowed.add(rung);
    for (const Rung rung : options.denied) defaults.allowed.remove(rung);
    choose_target(options.target);
    open_store(options);
    publish(std::make_shared<const Program>(Program::library()));
  }

  void choose_target(std::string text) {
    if (text.empty())
      if (const char* forced = std::getenv("SLUICE_TARGET")) text = forced;
    defaults.target = host_target();
    if (text.empty()) return;
    if (Outcome chosen = choose_by_name(text, defaults.target, defaults.allowed); !chosen)
      target_error = chosen.error();
  }

  [[nodiscard]] CodeTools choose_tools(CodeTools tools) {
    const char* words = std::getenv("SLUICE_CODE_TOOLS");
    std::string_view rest = words == nullptr ? "" : words;
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), word.size() + 1));
      if (word == "gdb")
        tools.gdb = true;
      else if (word == "perf_map")
        tools.perf_map = true;
      else if (word == "jitdump")
        tools.jitdump = true;
      else if (!word.empty())
        tools_error = Error{Status::unknown_name, "SLUICE_CODE_TOOLS names '" + std::string(word) +
                                                      "', and there are gdb, perf_map and jitdump"};
    }
    return tools;
  }

  void open_store(const RuntimeOptions& options) {
    const char* const named =
        options.disk_folder ? options.disk_folder->c_str() : ::secure_getenv("SLUICE_CACHE");
    if (named == nullptr || *named == '\0') return;
    auto folder = DiskFolder::open(named, options.disk_bytes);
    if (folder.ok())
      home.store = std::make_shared<DiskStore>(std::move(folder).value(), home.hooks);
    else
      disk_problem = folder.error().message;
    if (!folder.ok()) home.hooks->say(LogLevel::warning, [&] { return disk_problem; });
  }

  // Under the definers' lock, or before anyone else knows the runtime.
  void publish(std::shared_ptr<const Program> next) {
    cache.retire(owned_program, [&] {
      program.store(next.get(), std::memory_order_release);
      owned_program = std::move(next);
    });
  }

  [[nodiscard]] Guard guard() {
    static_assert(Guard::kVisitBits == ReclaimDomain::kVisitBits);
    return Guard(cache.domain().enter());
  }

  Cache cache;
  std::optional<Error> tools_error;
  KernelHome home;
  std::string disk_problem;
  SpecDefaults defaults;
  std::optional<Error> target_error;

  std::atomic<const Program*> program{nullptr};  // read within a guard
  std::mutex definers;
  std::shared_ptr<const Program> owned_program;

  // The last, as it needs all others; in the order in which define() takes the two locks.
  AtFork at_fork{[this] {
                   rewrite::make_rules();  // which another thread may be at, for all
                   definers.lock();
                   cache.hold();
                 },
                 [this](bool in_child) {
                   cache.release(in_child);
                   definers.unlock();
                 }};
};

std::string Key::text() const { return key_text(*spec_); }

bool operator==(const Key& a, const Key& b) {
  return a.spec_ == b.spec_ || (a.hash_ == b.hash_ && a.spec_->words == b.spec_->words);
}

Runtime::Runtime(const RuntimeOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Runtime::Runtime(Runtime&& other) noexcept = default;
Runtime& Runtime::operator=(Runtime&& other) noexcept = default;
Runtime::~Runtime() = default;

Outcome Runtime::define(std::string_view text, std::string_view name) {
  const std::lock_guard lock(impl_->definers);
  auto next = Program::parse(text, name, *impl_->owned_program);
  if (!next.ok()) return next.error();
  impl_->publish(std::make_shared<const Program>(std::move(next).value()));
  return Unit{};
}

Program Runtime::program() const {
  const Guard visit = guard();
  return *impl_->program.load(std::memory_order_acquire);
}

Result<Key> Runtime::key(const KernelSpec& spec) const {
  if (impl_->tools_error) return *impl_->tools_error;
  if (impl_->target_error && spec.target.empty()) return *impl_->target_error;
  std::shared_ptr<const dsl::Program> definitions;
  if (spec.program) {
    definitions = spec.program->program_;
  } else {
    const Guard visit = guard();
    definitions = impl_->program.load(std::memory_order_acquire)->program_;
  }
  auto resolved = resolve(std::move(definitions), spec, impl_->defaults);
  if (!resolved.ok()) return resolved.error();
  const std::uint64_t hash = (*resolved)->hash;
  return Key(std::move(resolved).value(), hash);
}

Result<Kernel> Runtime::compile(const KernelSpec& spec) {
  auto resolved = key(spec);
  return resolved.ok() ? compile(*resolved) : resolved.error();
}

Result<Kernel> Runtime::compile(const Key& key) {
  {
    const Guard visit = guard();
    if (const Kernel* known = impl_->cache.find(*key.spec_)) {
      ++visit.hits_;
      return *known;
    }
  }
  impl_->cache.count_miss();
  return impl_->cache.make(key.spec_, [this](std::shared_ptr<const ResolvedSpec> spec) {
    return KernelState::build(std::move(spec), impl_->home);
  });
}

Outcome Runtime::prewarm(std::span<const KernelSpec> specs) {
  Outcome first = Unit{};
  for (const KernelSpec& spec : specs) {
    const auto kernel = compile(spec);
    if (!kernel.ok() && first.ok()) first = kernel.error();
  }
  return first;
}

Runtime::Guard Runtime::guard() const { return impl_->guard(); }

const Kernel* Runtime::get(const Key& key, const Guard& guard) const {
  const Kernel* known = impl_->cache.find(*key.spec_);
  if (known != nullptr)
    ++guard.hits_;
  else
    impl_->cache.count_miss();
  return known;
}

Counters Runtime::counters() const {
  Counters counters = impl_->cache.counters();
  if (!impl_->home.store) return counters;
  const DiskStore::Counts disk = impl_->home.store->counts();
  counters.disk_hits = disk.hits;
  counters.disk_misses = disk.misses;
  counters.disk_rejects = disk.rejects;
  counters.disk_bytes = disk.bytes;
  return counters;
}
const std::string& Runtime::disk_problem() const { return impl_->disk_problem; }
void Runtime::clear() { impl_->cache.clear(); }

Runtime& default_runtime() {
  // Never destroyed, so that other statics may use it to the end.
  static Runtime& runtime = *new Runtime;
  return runtime;
}

}  // namespace sluice
