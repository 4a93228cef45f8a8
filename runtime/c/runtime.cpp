// Runtimes, keys and guards of the C interface.
#include <sluice/runtime.hpp>

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/c/boundary.hpp"
#include "runtime/c/program.hpp"
#include "runtime/c/spec.hpp"
#include "runtime/resolved_spec.hpp"

using namespace sluice;

namespace {

constexpr std::size_t kOptionsSize = SLUICE_SIZE_UP_TO(sluice_runtime_options, denied);

Result<RuntimeOptions> options_of(const sluice_runtime_options* given) {
  const auto known =
      c::read(given, sluice_runtime_options_default(), kOptionsSize, "the runtime's options");
  if (!known.ok()) return known.error();
  RuntimeOptions options;
  if (known->cache_bytes != 0) options.cache_bytes = known->cache_bytes;
  options.denied = c::denied_rungs(known->denied);
  if (known->disk_folder != nullptr) options.disk_folder = known->disk_folder;
  if (known->disk_bytes != 0) options.disk_bytes = known->disk_bytes;
  if ((known->allocate == nullptr) != (known->release == nullptr))
    return Error{Status::invalid_argument, "the options have one of allocate and release: both or "
                                           "neither"};
  options.allocator = {known->allocate, known->release, known->allocator_context};
  if (known->log != nullptr)
    options.log = [log = known->log, context = known->log_context](LogLevel level,
                                                                   std::string_view message) {
      log(context, level == LogLevel::error ? SLUICE_LOG_ERROR : SLUICE_LOG_WARNING,
          std::string(message).c_str());
    };
  constexpr std::uint64_t kTools = SLUICE_TOOL_GDB | SLUICE_TOOL_PERF_MAP | SLUICE_TOOL_JITDUMP;
  if ((known->code_tools & ~kTools) != 0)
    return Error{Status::invalid_argument, "the options' code_tools name a tool that there is not"};
  options.code_tools = {(known->code_tools & SLUICE_TOOL_GDB) != 0,
                        (known->code_tools & SLUICE_TOOL_PERF_MAP) != 0,
                        (known->code_tools & SLUICE_TOOL_JITDUMP) != 0};
  if (known->target == nullptr) return options;
  Target target;
  RungSet allowed;
  if (const Outcome chosen = choose_by_name(known->target, target, allowed); !chosen)
    return chosen.error();
  options.target = known->target;
  return options;
}

// What lies in a caller's guard: the visit, and whose it is.
struct Visit {
  Runtime::Guard guard;
  const sluice_runtime* runtime;
};
static_assert(sizeof(Visit) <= sizeof(sluice_guard) && alignof(Visit) <= alignof(sluice_guard));

Visit* visit_of(sluice_guard* guard) {
  return std::launder(reinterpret_cast<Visit*>(guard->opaque));
}

}  // namespace

extern "C" {

sluice_status sluice_runtime_create(const sluice_runtime_options* options,
                                    sluice_runtime** runtime) {
  if (runtime != nullptr) *runtime = nullptr;
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the place for the runtime");
    const auto known = options_of(options);
    if (!known.ok()) return known.error();
    *runtime = new sluice_runtime(*known);
    return Unit{};
  });
}

void sluice_runtime_destroy(sluice_runtime* runtime) {
  if (runtime != nullptr && runtime->own) delete runtime;
}

sluice_status sluice_runtime_shared(sluice_runtime** runtime) {
  if (runtime != nullptr) *runtime = nullptr;
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the place for the runtime");
    static sluice_runtime shared(default_runtime());
    *runtime = &shared;
    return Unit{};
  });
}

sluice_status sluice_runtime_define(sluice_runtime* runtime, const char* text, const char* name) {
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the runtime");
    if (text == nullptr) return c::null("the text");
    return runtime->runtime.define(text, name == nullptr ? "text" : name);
  });
}

sluice_status sluice_runtime_program(const sluice_runtime* runtime, sluice_program** program) {
  if (program != nullptr) *program = nullptr;
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the runtime");
    if (program == nullptr) return c::null("the place for the program");
    *program = new sluice_program(runtime->runtime.program());
    return Unit{};
  });
}

sluice_status sluice_runtime_compile(sluice_runtime* runtime, const sluice_spec* spec,
                                     sluice_kernel** kernel) {
  if (kernel != nullptr) *kernel = nullptr;
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the runtime");
    if (kernel == nullptr) return c::null("the place for the kernel");
    const auto known = c::spec_of(spec);
    if (!known.ok()) return known.error();
    return c::give_kernel(kernel, runtime->runtime.compile(*known));
  });
}

sluice_status sluice_runtime_compile_key(sluice_runtime* runtime, const sluice_key* key,
                                         sluice_kernel** kernel) {
  if (kernel != nullptr) *kernel = nullptr;
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the runtime");
    if (key == nullptr) return c::null("the key");
    if (kernel == nullptr) return c::null("the place for the kernel");
    return c::give_kernel(kernel, runtime->runtime.compile(c::of(key)));
  });
}

sluice_status sluice_runtime_prewarm(sluice_runtime* runtime, const sluice_spec* const* specs,
                                     size_t count) {
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the runtime");
    if (specs == nullptr && count > 0) return c::null("the list of specs");
    Outcome first = Unit{};
    for (std::size_t i = 0; i < count; ++i) {
      const auto known = c::spec_of(specs[i]);
      const Outcome done =
          known.ok() ? runtime->runtime.prewarm({&*known, 1}) : Outcome(known.error());
      if (first.ok()) first = done;
    }
    return first;
  });
}

sluice_status sluice_runtime_prewarm_file(sluice_runtime* runtime, const char* path) {
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the runtime");
    if (path == nullptr) return c::null("the path");
    return runtime->runtime.prewarm_file(path);
  });
}

sluice_status sluice_runtime_counters(const sluice_runtime* runtime, sluice_counters* counters) {
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the runtime");
    const Counters from = runtime->runtime.counters();
    sluice_counters to{};
    to.hits = from.hits;
    to.misses = from.misses;
    to.compiles = from.compiles;
    to.failures = from.failures;
    to.lowered = from.lowered;
    to.evictions = from.evictions;
    to.entries = from.entries;
    to.bytes = from.bytes;
    to.held_bytes = from.held_bytes;
    to.compile_nanoseconds = from.compile_nanoseconds;
    to.disk_hits = from.disk_hits;
    to.disk_misses = from.disk_misses;
    to.disk_rejects = from.disk_rejects;
    to.disk_bytes = from.disk_bytes;
    return c::give(counters, to, "the structure of counters");
  });
}

const char* sluice_runtime_disk_problem(const sluice_runtime* runtime) {
  return runtime == nullptr ? "" : runtime->runtime.disk_problem().c_str();
}

sluice_status sluice_runtime_clear(sluice_runtime* runtime) {
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the runtime");
    runtime->runtime.clear();
    return Unit{};
  });
}

void sluice_workspaces_release(void) { release_workspaces(); }

sluice_status sluice_runtime_key(const sluice_runtime* runtime, const sluice_spec* spec,
                                 sluice_key** key) {
  if (key != nullptr) *key = nullptr;
  return c::guarded([&]() -> Outcome {
    if (runtime == nullptr) return c::null("the runtime");
    if (key == nullptr) return c::null("the place for the key");
    const auto known = c::spec_of(spec);
    if (!known.ok()) return known.error();
    auto made = runtime->runtime.key(*known);
    if (!made.ok()) return made.error();
    *key = reinterpret_cast<sluice_key*>(new Key(std::move(made).value()));
    return Unit{};
  });
}

void sluice_key_release(sluice_key* key) { delete reinterpret_cast<Key*>(key); }

uint64_t sluice_key_hash(const sluice_key* key) { return key == nullptr ? 0 : c::of(key).hash(); }

int32_t sluice_key_equal(const sluice_key* a, const sluice_key* b) {
  if (a == nullptr || b == nullptr) return a == b ? 1 : 0;
  return c::of(a) == c::of(b) ? 1 : 0;
}

sluice_status sluice_key_text(const sluice_key* key, char** text) {
  if (text != nullptr) *text = nullptr;
  return c::guarded([&]() -> Outcome {
    if (key == nullptr) return c::null("the key");
    if (text == nullptr) return c::null("the place for the text");
    return c::give_text(text, c::of(key).text());
  });
}

sluice_status sluice_runtime_enter(const sluice_runtime* runtime, sluice_guard* guard) {
  if (runtime == nullptr) return c::fail(Status::invalid_argument, "the runtime is NULL");
  if (guard == nullptr) return c::fail(Status::invalid_argument, "the guard is NULL");
  new (guard->opaque) Visit{runtime->runtime.guard(), runtime};
  return SLUICE_OK;
}

void sluice_guard_leave(sluice_guard* guard) {
  if (guard == nullptr || visit_of(guard)->runtime == nullptr) return;
  std::destroy_at(visit_of(guard));
  *guard = sluice_guard{};
}

sluice_status sluice_runtime_get(const sluice_runtime* runtime, const sluice_key* key,
                                 sluice_guard* guard, const sluice_kernel** kernel) {
  if (kernel != nullptr) *kernel = nullptr;
  if (runtime == nullptr || key == nullptr || guard == nullptr || kernel == nullptr)
    return c::fail(Status::invalid_argument,
                   "the runtime, the key, the guard or the place for the kernel is NULL");
  const Visit& visit = *visit_of(guard);
  if (visit.runtime != runtime)
    return c::fail(Status::invalid_argument, "the guard is no visit to this runtime");
  *kernel = c::handle(runtime->runtime.get(c::of(key), visit.guard));
  return SLUICE_OK;
}

}  // extern "C"
