// The rest of the C interface: programs, keys and look-ups, texts, lists of specs, eviction, and
// what a process does once.
#include <cstring>

#include "cases.hpp"

namespace faults {
namespace {

constexpr std::int64_t kFlat[] = {64};
constexpr std::int64_t kRows[] = {3, 64};

// What every structure that begins with its size is before it is filled in.
template <typename T>
T sized() {
  T made{};
  made.size = sizeof made;
  return made;
}

sluice_status programs(Bits& bits) {
  Program library, own;
  std::size_t index = 0, count = 0;
  SLUICE_TRY(sluice_program_library(library.place()));
  SLUICE_TRY(sluice_program_parse("## Twice.\nfn twice(x; by = 2) = x * by", "twice.slu", library,
                                  own.place()));
  SLUICE_TRY(sluice_program_find(own, "twice", &index));
  SLUICE_TRY(sluice_program_function_count(own, &count));
  auto function = sized<sluice_function_info>();
  auto input = sized<sluice_input_info>();
  auto parameter = sized<sluice_parameter_info>();
  const char* output = nullptr;
  SLUICE_TRY(sluice_program_function(own, index, &function));
  SLUICE_TRY(sluice_program_input(own, index, 0, &input));
  SLUICE_TRY(sluice_program_parameter(own, index, 0, &parameter));
  SLUICE_TRY(sluice_program_output(own, index, 0, &output));
  bits.add(&parameter.default_value, sizeof parameter.default_value);
  bits.add(function.documentation, std::strlen(function.documentation));
  return SLUICE_OK;
}

sluice_status keys(Bits& bits) {
  Runtime runtime;
  Key key, again;
  Kernel kernel, own;
  Text text;
  const Spec spec("gelu", SLUICE_FORWARD, kFlat);
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  SLUICE_TRY(sluice_runtime_key(runtime, spec, key.place()));
  SLUICE_TRY(sluice_runtime_key(runtime, spec, again.place()));
  SLUICE_TRY(sluice_key_text(key, text.place()));
  bits.add(text, std::strlen(text));
  SLUICE_TRY(sluice_runtime_compile_key(runtime, key, kernel.place()));
  sluice_guard guard;
  const sluice_kernel* found = nullptr;
  SLUICE_TRY(sluice_runtime_enter(runtime, &guard));
  sluice_status status = sluice_runtime_get(runtime, again, &guard, &found);
  // A kernel that there was no memory to keep is not there, which is no error.
  if (status == SLUICE_OK && found != nullptr) status = sluice_kernel_retain(found, own.place());
  sluice_guard_leave(&guard);
  SLUICE_TRY(status);
  return call(kernel, spec, bits);
}

sluice_status texts(Bits& bits) {
  Runtime runtime;
  Kernel kernel;
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  SLUICE_TRY(sluice_runtime_compile(runtime, Spec("gelu", SLUICE_BACKWARD, kFlat), kernel.place()));
  auto info = sized<sluice_kernel_info>();
  SLUICE_TRY(sluice_kernel_describe(kernel, &info));
  for (const char* const what : {"ast", "ir", "rewrites", "grad", "expand", "schedule"}) {
    Text text;
    SLUICE_TRY(sluice_kernel_text(kernel, what, text.place()));
    bits.add(text, std::strlen(text));
  }
  return SLUICE_OK;
}

// With a cache that holds one or two of them.
sluice_status evictions(Bits& bits) {
  sluice_runtime_options options = sluice_runtime_options_default();
  options.cache_bytes = 12'000;
  Runtime runtime;
  SLUICE_TRY(sluice_runtime_create(&options, runtime.place()));
  const Spec gelu("gelu", SLUICE_FORWARD, kFlat), relu("relu", SLUICE_BACKWARD, kFlat);
  const Spec softmax("softmax", SLUICE_FORWARD, kRows);
  const sluice_spec* const all[] = {gelu, relu, softmax, gelu};
  SLUICE_TRY(sluice_runtime_prewarm(runtime, all, 4));
  SLUICE_TRY(compile_and_call(runtime, relu, bits));
  SLUICE_TRY(sluice_runtime_clear(runtime));
  return compile_and_call(runtime, gelu, bits);
}

// All that a process finds out, loads or is told once.
sluice_status first_of_process(Bits& bits) {
  Runtime runtime, shared;
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  SLUICE_TRY(sluice_runtime_shared(shared.place()));
  for (int rung = SLUICE_RUNG_X64; rung <= SLUICE_RUNG_INTERPRETER; ++rung)
    (void)sluice_rung_available(rung);
  if (sluice_host_target() == nullptr) return SLUICE_OUT_OF_MEMORY;
  return compile_and_call(runtime, {"gelu", SLUICE_FORWARD, kFlat}, bits);
}

// The back end by LLVM where its module is there, else the interpreter.
sluice_status below_x64(Bits& bits) {
  Runtime runtime;
  Spec spec("gelu", SLUICE_FORWARD, kFlat);
  spec->denied = 1u << SLUICE_RUNG_X64;
  SLUICE_TRY(sluice_runtime_create(nullptr, runtime.place()));
  return compile_and_call(runtime, spec, bits);
}

}  // namespace

std::span<const Case> interface_cases() {
  static constexpr Case kCases[] = {
      {"programs", programs},
      {"keys and look-ups", keys},
      {"texts", texts},
      {"evictions", evictions},
      {"the first of a process", first_of_process, true},
      {"the rung below", below_x64, true, false},
  };
  return kCases;
}

}  // namespace faults
