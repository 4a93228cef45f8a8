// One runtime and one kernel on many threads at once; each thread's message is its own.
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { kThreads = 4, kRounds = 50 };

struct Work {
  sluice_runtime* runtime;
  const sluice_kernel* kernel;
  const sluice_key* key;
  int index;
  int wrong;
};

static void* work(void* argument) {
  struct Work* own = argument;
  const int64_t shape[] = {1, 8};
  float x[8] = {1}, y[8];
  const sluice_tensor tensors[] = {f32_tensor(x, 2, shape), f32_tensor(y, 2, shape)};
  char name[32], text[64];
  int round;
  snprintf(name, sizeof name, "no_function_%d", own->index);
  snprintf(text, sizeof text, "fn own_%d(x) = x + %d", own->index, own->index);
  own->wrong += strcmp(sluice_message(), "") != 0;
  for (round = 0; round < kRounds; ++round) {
    sluice_spec spec = sluice_spec_default();
    sluice_kernel* kernel = NULL;
    const sluice_kernel* cached = NULL;
    sluice_guard guard;
    spec.function = name;
    own->wrong += sluice_runtime_compile(own->runtime, &spec, &kernel) != SLUICE_UNKNOWN_FUNCTION;
    own->wrong += sluice_runtime_define(own->runtime, text, NULL) != SLUICE_OK;
    own->wrong += sluice_runtime_compile_key(own->runtime, own->key, &kernel) != SLUICE_OK;
    own->wrong += sluice_runtime_enter(own->runtime, &guard) != SLUICE_OK;
    own->wrong += sluice_runtime_get(own->runtime, own->key, &guard, &cached) != SLUICE_OK;
    sluice_guard_leave(&guard);
    if (own->index == 0) own->wrong += sluice_runtime_clear(own->runtime) != SLUICE_OK;
    own->wrong += sluice_kernel_call(own->kernel, tensors, 2, NULL) != SLUICE_OK;
    own->wrong += sluice_kernel_call(kernel, tensors, 2, NULL) != SLUICE_OK;
    sluice_kernel_release(kernel);
    own->wrong += strstr(sluice_message(), name) == NULL;
  }
  return NULL;
}

void test_threads(void) {
  sluice_runtime* runtime = NULL;
  sluice_kernel* softmax;
  sluice_key* key = NULL;
  sluice_spec spec = sluice_spec_default();
  const int64_t shape[] = {1, 8};
  const sluice_operand operands[] = {OF_F32(2, shape), OF_F32(2, shape)};
  pthread_t threads[kThreads];
  struct Work works[kThreads];
  int i;
  OK(sluice_runtime_create(NULL, &runtime));
  softmax = forward_kernel(runtime, "softmax", 1, 8);
  spec.function = "silu", spec.operands = operands, spec.operand_count = 2;
  OK(sluice_runtime_key(runtime, &spec, &key));
  for (i = 0; i < kThreads; ++i) {
    works[i].runtime = runtime;
    works[i].kernel = softmax;
    works[i].key = key;
    works[i].index = i;
    works[i].wrong = 0;
    CHECK(pthread_create(&threads[i], NULL, work, &works[i]) == 0);
  }
  for (i = 0; i < kThreads; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(works[i].wrong == 0);
  }
  sluice_key_release(key);
  sluice_kernel_release(softmax);
  sluice_runtime_destroy(runtime);
}
