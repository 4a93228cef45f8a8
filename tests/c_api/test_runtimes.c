// Runtimes, specs, keys, guards and structures of other versions.
#include <stdlib.h>
#include <string.h>

#include "check.h"

static const int64_t kShape[] = {4};
static const sluice_operand kOperands[] = {OF_F32(1, kShape), OF_F32(1, kShape)};

static sluice_spec spec_of(const char* function) {
  sluice_spec spec = sluice_spec_default();
  spec.function = function;
  spec.operands = kOperands;
  spec.operand_count = 2;
  return spec;
}

static void test_disk_options(void) {
  sluice_runtime_options options = sluice_runtime_options_default();
  sluice_runtime* runtime = NULL;
  options.disk_folder = "/dev/null";
  options.disk_bytes = 1000;
  OK(sluice_runtime_create(&options, &runtime));
  CHECK(strstr(sluice_runtime_disk_problem(runtime), "/dev/null") != NULL);
  sluice_runtime_destroy(runtime);
  options.disk_folder = "";
  OK(sluice_runtime_create(&options, &runtime));
  CHECK(strlen(sluice_runtime_disk_problem(runtime)) == 0);
  sluice_runtime_destroy(runtime);
  CHECK(strlen(sluice_runtime_disk_problem(NULL)) == 0);
}

static void test_options(void) {
  sluice_runtime_options options = sluice_runtime_options_default();
  sluice_runtime* runtime = NULL;
  sluice_runtime* shared = NULL;
  sluice_runtime* again = NULL;
  sluice_kernel* kernel = NULL;
  sluice_spec spec = spec_of("relu");
  sluice_kernel_info info;

  options.target = "interpreter";
  options.cache_bytes = 1;  // keeps nothing
  OK(sluice_runtime_create(&options, &runtime));
  OK(sluice_runtime_compile(runtime, &spec, &kernel));
  info.size = sizeof info;
  OK(sluice_kernel_describe(kernel, &info));
  CHECK(info.rung == SLUICE_RUNG_INTERPRETER && strlen(info.rung_reason) > 0);
  sluice_kernel_release(kernel);
  sluice_runtime_destroy(runtime);

  options.target = "x86-64-v9";
  REFUSED(sluice_runtime_create(&options, &runtime), SLUICE_UNKNOWN_NAME, "x86-64-v9");
  CHECK(runtime == NULL);
  options.target = NULL;
  options.denied = 1u << SLUICE_RUNG_X64 | 1u << SLUICE_RUNG_LLVM | 1u << SLUICE_RUNG_INTERPRETER;
  OK(sluice_runtime_create(&options, &runtime));
  REFUSED(sluice_runtime_compile(runtime, &spec, &kernel), SLUICE_UNAVAILABLE, "denied");
  CHECK(kernel == NULL);
  sluice_runtime_destroy(runtime);
  options.denied = 0;
  options.code_tools = 8;
  REFUSED(sluice_runtime_create(&options, &runtime), SLUICE_INVALID_ARGUMENT, "tool");
  options.code_tools = SLUICE_TOOL_GDB;
  OK(sluice_runtime_create(&options, &runtime));
  OK(sluice_runtime_compile(runtime, &spec, &kernel));
  sluice_kernel_release(kernel);
  sluice_runtime_destroy(runtime);
  REFUSED(sluice_runtime_create(NULL, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  test_disk_options();

  OK(sluice_runtime_shared(&shared));
  OK(sluice_runtime_shared(&again));
  CHECK(shared == again);
  sluice_runtime_destroy(shared);
  OK(sluice_runtime_compile(shared, &spec, &kernel));
  sluice_kernel_release(kernel);
  REFUSED(sluice_runtime_shared(NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  sluice_runtime_destroy(NULL);
}

static void test_definitions(sluice_runtime* runtime) {
  sluice_program* program = NULL;
  size_t index = 0;
  OK(sluice_runtime_define(runtime, "fn twice(x) = x + x", "twice.slu"));
  OK(sluice_runtime_program(runtime, &program));
  OK(sluice_program_find(program, "twice", &index));
  sluice_program_release(program);
  REFUSED(sluice_runtime_define(runtime, "fn", NULL), SLUICE_INVALID_SOURCE, "text:1:");
  REFUSED(sluice_runtime_define(runtime, NULL, NULL), SLUICE_INVALID_ARGUMENT, "text is NULL");
  REFUSED(sluice_runtime_define(NULL, "", NULL), SLUICE_INVALID_ARGUMENT, "runtime is NULL");
  REFUSED(sluice_runtime_program(NULL, &program), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_program(runtime, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
}

static void test_cache(sluice_runtime* runtime) {
  sluice_spec relu = spec_of("relu"), silu = spec_of("silu"), none = spec_of("no_such");
  const sluice_spec* const specs[] = {&relu, &none, &silu};
  sluice_counters before, counters;
  sluice_kernel* kernel = NULL;
  before.size = counters.size = sizeof counters;
  OK(sluice_runtime_counters(runtime, &before));
  OK(sluice_runtime_prewarm(runtime, specs, 1));
  REFUSED(sluice_runtime_prewarm(runtime, specs, 3), SLUICE_UNKNOWN_FUNCTION, "no_such");
  OK(sluice_runtime_prewarm(runtime, NULL, 0));
  OK(sluice_runtime_compile(runtime, &silu, &kernel));
  OK(sluice_runtime_counters(runtime, &counters));
  CHECK(counters.compiles == before.compiles + 2 && counters.entries == before.entries + 2);
  CHECK(counters.hits > before.hits && counters.lowered == 0);
  CHECK(counters.bytes > 0 && counters.compile_nanoseconds > 0);
  OK(sluice_runtime_clear(runtime));
  OK(sluice_runtime_counters(runtime, &counters));
  CHECK(counters.entries == 0 && counters.bytes == 0 && counters.held_bytes > 0);
  sluice_kernel_release(kernel);

  REFUSED(sluice_runtime_prewarm_file(runtime, "/nowhere/list"), SLUICE_IO_ERROR, "/nowhere/list");
  REFUSED(sluice_runtime_prewarm_file(runtime, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_prewarm_file(NULL, "list"), SLUICE_INVALID_ARGUMENT, "NULL");
  OK(sluice_runtime_prewarm_file(runtime, "/dev/null"));
  REFUSED(sluice_runtime_prewarm(runtime, NULL, 1), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_prewarm(NULL, specs, 1), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_counters(runtime, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_counters(NULL, &counters), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_clear(NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_compile(NULL, &relu, &kernel), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_compile(runtime, NULL, &kernel), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_compile(runtime, &relu, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
}

static void test_keys(sluice_runtime* runtime) {
  sluice_spec relu = spec_of("relu"), silu = spec_of("silu");
  sluice_key *a = NULL, *b = NULL, *other = NULL;
  sluice_kernel *kernel = NULL, *own = NULL, *none = NULL;
  const sluice_kernel* cached = NULL;
  sluice_runtime* second = NULL;
  sluice_guard guard;
  char* text = NULL;
  OK(sluice_runtime_key(runtime, &relu, &a));
  OK(sluice_runtime_key(runtime, &relu, &b));
  OK(sluice_runtime_key(runtime, &silu, &other));
  CHECK(sluice_key_equal(a, b) && !sluice_key_equal(a, other));
  CHECK(sluice_key_equal(NULL, NULL) && !sluice_key_equal(a, NULL));
  CHECK(sluice_key_hash(a) == sluice_key_hash(b) && sluice_key_hash(NULL) == 0);
  OK(sluice_key_text(a, &text));
  CHECK(strstr(text, "forward") != NULL);
  sluice_text_release(text);

  OK(sluice_runtime_enter(runtime, &guard));
  OK(sluice_runtime_get(runtime, other, &guard, &cached));
  CHECK(cached == NULL);
  OK(sluice_runtime_compile_key(runtime, a, &kernel));
  OK(sluice_runtime_get(runtime, b, &guard, &cached));
  CHECK(sluice_kernel_same(cached, kernel));
  OK(sluice_kernel_retain(cached, &own));
  OK(sluice_runtime_create(NULL, &second));
  REFUSED(sluice_runtime_get(second, a, &guard, &cached), SLUICE_INVALID_ARGUMENT, "no visit");
  REFUSED(sluice_runtime_get(runtime, NULL, &guard, &cached), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_get(runtime, a, NULL, &cached), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_get(runtime, a, &guard, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_get(NULL, a, &guard, &cached), SLUICE_INVALID_ARGUMENT, "NULL");
  sluice_guard_leave(&guard);
  REFUSED(sluice_runtime_get(runtime, a, &guard, &cached), SLUICE_INVALID_ARGUMENT, "no visit");
  sluice_guard_leave(&guard);
  sluice_guard_leave(NULL);
  CHECK(sluice_kernel_same(own, kernel) && !sluice_kernel_same(own, NULL));

  REFUSED(sluice_runtime_enter(NULL, &guard), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_enter(runtime, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_key_text(NULL, &text), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_key_text(a, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_compile_key(runtime, NULL, &none), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_compile_key(NULL, a, &none), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_compile_key(runtime, a, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  sluice_key_release(b);
  REFUSED(sluice_runtime_key(runtime, NULL, &b), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_key(NULL, &relu, &b), SLUICE_INVALID_ARGUMENT, "NULL");
  REFUSED(sluice_runtime_key(runtime, &relu, NULL), SLUICE_INVALID_ARGUMENT, "NULL");
  sluice_kernel_release(own);
  sluice_kernel_release(kernel);
  sluice_key_release(a);
  sluice_key_release(other);
  sluice_key_release(NULL);
  sluice_runtime_destroy(second);
}

void test_runtimes(void) {
  sluice_runtime* runtime = NULL;
  test_options();
  OK(sluice_runtime_create(NULL, &runtime));
  test_definitions(runtime);
  test_cache(runtime);
  test_keys(runtime);
  sluice_runtime_destroy(runtime);
}

// Structures of programs that were built with another version's header.
void test_sizes(void) {
  struct Newer {
    sluice_spec spec;
    int64_t field;
  } newer;
  struct NewerOperand {
    sluice_operand operand;
    int64_t field;
  } newer_operands[2];
  struct NewerCounters {
    sluice_counters counters;
    uint64_t field;
  } newer_counters;
  sluice_spec spec = spec_of("relu");
  sluice_counters counters;
  sluice_runtime* runtime = NULL;
  sluice_kernel* kernel = NULL;
  OK(sluice_runtime_create(NULL, &runtime));

  memset(&newer, 0, sizeof newer);
  newer.spec = spec;
  newer.spec.size = sizeof newer;
  OK(sluice_runtime_compile(runtime, &newer.spec, &kernel));
  sluice_kernel_release(kernel);
  newer.field = 1;
  REFUSED(sluice_runtime_compile(runtime, &newer.spec, &kernel), SLUICE_UNSUPPORTED,
          "does not know");
  spec.size = 0;
  REFUSED(sluice_runtime_compile(runtime, &spec, &kernel), SLUICE_INVALID_ARGUMENT, "sizeof");
  spec.size = sizeof spec;
  spec.operand_size = 1;
  REFUSED(sluice_runtime_compile(runtime, &spec, &kernel), SLUICE_INVALID_ARGUMENT,
          "sizeof(sluice_operand)");

  spec.operands = &newer_operands[0].operand;
  spec.operand_size = sizeof newer_operands[0];
  memset(newer_operands, 0, sizeof newer_operands);
  newer_operands[0].operand = newer_operands[1].operand = kOperands[0];
  OK(sluice_runtime_compile(runtime, &spec, &kernel));
  sluice_kernel_release(kernel);
  newer_operands[1].field = 1;
  REFUSED(sluice_runtime_compile(runtime, &spec, &kernel), SLUICE_UNSUPPORTED, "an operand sets");

  memset(&newer_counters, 0xff, sizeof newer_counters);
  newer_counters.counters.size = sizeof newer_counters;
  OK(sluice_runtime_counters(runtime, &newer_counters.counters));
  CHECK(newer_counters.field == 0 && newer_counters.counters.compiles == 1);
  CHECK(newer_counters.counters.size == sizeof newer_counters);
  memset(&counters, 0xff, sizeof counters);
  counters.size = offsetof(sluice_counters, misses);
  OK(sluice_runtime_counters(runtime, &counters));
  CHECK(counters.hits != UINT64_MAX && counters.misses == UINT64_MAX);
  counters.size = 4;
  REFUSED(sluice_runtime_counters(runtime, &counters), SLUICE_INVALID_ARGUMENT, "no size");
  sluice_runtime_destroy(runtime);
}
