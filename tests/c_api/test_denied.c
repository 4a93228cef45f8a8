// A system that forbids code made at run time: test_denied pages|change|change,files
//   pages         no executable pages at all
//   change        none of those that were writable: a memory file serves, with the same bits
//   change,files  nor a memory file
// Without machine code kernels are on the interpreter's rung, with the same values, the reason, and
// a count of them; where that rung is denied too, there is a status. A program of its own, because
// what it forbids itself stays forbidden.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <sluice/sluice.h>

enum { kCannotRun = 77 };

// From here on these system calls fail with EACCES; mmap and mprotect where they are asked for
// executable pages.
static int forbid(int maps, int changes, int files) {
  const unsigned protection = (unsigned)offsetof(struct seccomp_data, args[2]);
  const unsigned never = ~0u;
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, files ? SYS_memfd_create : never, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, changes ? SYS_mprotect : never, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, maps ? SYS_mmap : never, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, protection),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program;
  program.len = sizeof filter / sizeof *filter;
  program.filter = filter;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 0;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static int failed = 0;

static void check(int holds, const char* what) {
  if (holds) return;
  ++failed;
  printf("%s: %s\n", what, sluice_message());
}

static const int64_t kShape[] = {1, 4};
static const sluice_operand kOperands[] = {{NULL, SLUICE_F32, 2, kShape, 0, 0},
                                           {NULL, SLUICE_F32, 2, kShape, 0, 0}};

static sluice_spec spec_of(const char* function) {
  sluice_spec spec = sluice_spec_default();
  spec.function = function;
  spec.operands = kOperands, spec.operand_count = 2;
  return spec;
}

// Compiles, says what it is, and calls it; the handle goes.
static void test_kernel(sluice_runtime* runtime, const sluice_spec* spec, sluice_kernel_info* info,
                        float y[4]) {
  static float x[] = {-1, 2, -3, 4};
  const sluice_tensor tensors[] = {{x, kShape, NULL, 2, SLUICE_F32, 0},
                                   {y, kShape, NULL, 2, SLUICE_F32, 0}};
  sluice_kernel* kernel = NULL;
  check(sluice_runtime_compile(runtime, spec, &kernel) == SLUICE_OK, "a kernel");
  info->size = sizeof *info;
  check(sluice_kernel_describe(kernel, info) == SLUICE_OK, "what it is");
  check(sluice_kernel_call(kernel, tensors, 2, NULL) == SLUICE_OK, "a call");
  sluice_kernel_release(kernel);
}

static void test_interpreted(sluice_runtime* runtime, const char* function) {
  sluice_spec spec = spec_of(function);
  sluice_kernel* kernel = NULL;
  sluice_kernel_info info;
  float y[4];
  spec.denied = 1u << SLUICE_RUNG_INTERPRETER;
  check(sluice_runtime_compile(runtime, &spec, &kernel) == SLUICE_DENIED, "both rungs gone");
  check(kernel == NULL && strstr(sluice_message(), "forbids code") != NULL, "the sentence");
  spec.denied = 0;
  test_kernel(runtime, &spec, &info, y);
  check(info.rung == SLUICE_RUNG_INTERPRETER && info.code == NULL, "its rung");
  check(strstr(info.rung_reason, "forbids code") != NULL, "the reason");
  check(y[3] > 0 && y[3] <= 4 && y[0] < 0.01f, "values");
}

static void test_machine_code(sluice_runtime* runtime, const char* function) {
  sluice_spec spec = spec_of(function);
  sluice_kernel_info info;
  float y[4], expected[4];
  test_kernel(runtime, &spec, &info, y);
  check(info.rung == SLUICE_RUNG_X64 && strlen(info.rung_reason) == 0, "machine code");
  check(info.code != NULL && info.first_code_bytes > 0, "where it lies");
  check(info.first_code_bytes <= info.code_bytes, "its bytes");
  spec.target = "interpreter";
  test_kernel(runtime, &spec, &info, expected);
  check(memcmp(y, expected, sizeof y) == 0, "the interpreter's bits");
}

static uint64_t warnings = 0, errors = 0;

static void count_lines(void* context, int32_t level, const char* message) {
  (void)context;
  if (level == SLUICE_LOG_WARNING && strstr(message, "interpreter") != NULL) ++warnings;
  if (level == SLUICE_LOG_ERROR) ++errors;
}

int main(int count, char** arguments) {
  const char* what = count > 1 ? arguments[1] : "pages";
  const int pages = strcmp(what, "pages") == 0, files = strcmp(what, "change,files") == 0;
  const char* const functions[] = {"relu", "softmax"};
  const uint64_t lowered = pages || files ? 2 : 0;
  sluice_runtime* runtime = NULL;
  sluice_runtime_options options = sluice_runtime_options_default();
  sluice_counters counters;
  size_t i;
  options.log = count_lines;
  if (!sluice_rung_available(SLUICE_RUNG_X64)) {
    puts("skipped: c_api.denied: there is no machine code to forbid");
    return kCannotRun;
  }
  if (!forbid(pages, 1, files)) {
    puts("skipped: c_api.denied: this system has no seccomp filters");
    return kCannotRun;
  }
  check(sluice_runtime_create(&options, &runtime) == SLUICE_OK, "a runtime");
  for (i = 0; i < 2; ++i)
    if (lowered != 0)
      test_interpreted(runtime, functions[i]);
    else
      test_machine_code(runtime, functions[i]);
  counters.size = sizeof counters;
  check(sluice_runtime_counters(runtime, &counters) == SLUICE_OK, "counters");
  check(counters.lowered == lowered && counters.failures == lowered, "kernels on a lower rung");
  check(warnings == counters.lowered && errors == counters.failures, "the log");
  sluice_runtime_destroy(runtime);
  if (failed == 0) puts("denied: all checks hold");
  return failed == 0 ? 0 : 1;
}
