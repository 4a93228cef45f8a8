// A system that forbids code made at run time: kernels are on the interpreter's rung, with the same
// values, the reason, and a count of them; where that rung is denied too, there is a status. A
// program of its own, because what it forbids itself stays forbidden.
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

// From here on mmap and mprotect fail with EACCES where they are asked for executable pages.
static int forbid_code(void) {
  const unsigned protection = (unsigned)offsetof(struct seccomp_data, args[2]);
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
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

int main(void) {
  const int64_t shape[] = {1, 4};
  const sluice_operand operands[] = {{NULL, SLUICE_F32, 2, shape, 0, 0},
                                     {NULL, SLUICE_F32, 2, shape, 0, 0}};
  const char* const functions[] = {"relu", "softmax"};
  sluice_runtime* runtime = NULL;
  sluice_spec spec = sluice_spec_default();
  sluice_kernel_info info;
  sluice_counters counters;
  float x[] = {-1, 2, -3, 4}, y[] = {9, 9, 9, 9};
  const sluice_tensor tensors[] = {{x, shape, NULL, 2, SLUICE_F32, 0},
                                   {y, shape, NULL, 2, SLUICE_F32, 0}};
  size_t i;
  if (!sluice_rung_available(SLUICE_RUNG_X64)) {
    puts("skipped: c_api.denied: there is no machine code to forbid");
    return kCannotRun;
  }
  if (!forbid_code()) {
    puts("skipped: c_api.denied: this system has no seccomp filters");
    return kCannotRun;
  }
  check(sluice_runtime_create(NULL, &runtime) == SLUICE_OK, "a runtime");
  info.size = sizeof info;
  counters.size = sizeof counters;
  spec.operands = operands, spec.operand_count = 2;
  for (i = 0; i < 2; ++i) {
    sluice_kernel* kernel = NULL;
    spec.function = functions[i];
    spec.denied = 1u << SLUICE_RUNG_INTERPRETER;
    check(sluice_runtime_compile(runtime, &spec, &kernel) == SLUICE_DENIED, "both rungs gone");
    check(kernel == NULL && strstr(sluice_message(), "forbids code") != NULL, "the sentence");
    spec.denied = 0;
    check(sluice_runtime_compile(runtime, &spec, &kernel) == SLUICE_OK, "the interpreter");
    check(sluice_kernel_describe(kernel, &info) == SLUICE_OK, "what it is");
    check(info.rung == SLUICE_RUNG_INTERPRETER, "its rung");
    check(strstr(info.rung_reason, "forbids code") != NULL, "the reason");
    check(sluice_kernel_call(kernel, tensors, 2, NULL) == SLUICE_OK, "a call");
    check(y[3] > 0 && y[3] <= 4 && y[0] < 0.01f, "values");
    sluice_kernel_release(kernel);
  }
  check(sluice_runtime_counters(runtime, &counters) == SLUICE_OK, "counters");
  check(counters.lowered == 2 && counters.failures == 2, "two kernels on a lower rung");
  sluice_runtime_destroy(runtime);
  if (failed == 0) puts("denied: all checks hold");
  return failed == 0 ? 0 : 1;
}
