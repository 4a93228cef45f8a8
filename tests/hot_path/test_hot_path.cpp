// A kernel call allocates nothing, takes no lock and makes no system call, and neither does finding
// the kernel.
//
// Allocation and locks are counted by functions that stand before the C library's, system calls by
// seccomp, which has each of them answered by a signal. That can't be undone, so every case runs in
// a process of its own, whose exit code says what it did.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sluice/sluice.h>
#include <sluice/sluice.hpp>

namespace {

volatile bool counting = false;
volatile int allocations = 0;
volatile int locks = 0;
volatile sig_atomic_t system_calls = 0;

void count(volatile int& counter) {
  if (counting) counter = counter + 1;
}

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(reinterpret_cast<std::uintptr_t>(::dlsym(RTLD_NEXT, name)));
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) {
  count(allocations);
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count(allocations);
  return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) {
  count(allocations);
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count(allocations);
  return __libc_memalign(alignment, size);
}
void free(void* memory) {
  count(allocations);
  __libc_free(memory);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static const auto real = next<int (*)(pthread_mutex_t*)>("pthread_mutex_lock");
  count(locks);
  return real(mutex);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  static const auto real = next<int (*)(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
  count(locks);
  return real(lock);
}

}  // extern "C"

namespace {

using sluice::f32;
using sluice::Kernel;
using sluice::TensorView;

constexpr int kSkipped = 77;

// From here on every system call but the end of a process and of a signal is counted, and fails.
bool count_system_calls() {
  struct sigaction action {};
  action.sa_handler = [](int) { system_calls = system_calls + 1; };
  if (::sigaction(SIGSYS, &action, nullptr) != 0) return false;
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  };
  sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

// What a process's exit code says.
enum Found : int { kAllocated = 1, kLocked = 2, kCalled = 4, kFailed = 8 };

int failures = 0;

// After a first time, which may make what the thread keeps.
void check(const std::string& what, const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    bool good = work();
    if (!count_system_calls()) ::_exit(kSkipped);
    counting = true;
    for (int i = 0; i < 3; ++i) good = work() && good;
    counting = false;
    ::_exit((allocations != 0 ? kAllocated : 0) | (locks != 0 ? kLocked : 0) |
            (system_calls != 0 ? kCalled : 0) | (good ? 0 : kFailed));
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kSkipped) {
    std::puts("skipped: hot_path: this system has no seccomp filters");
    std::exit(kSkipped);
  }
  if (status == 0) return;
  ++failures;
  const int found = WIFEXITED(status) ? WEXITSTATUS(status) : kFailed;
  std::printf("%s:%s%s%s%s\n", what.c_str(), found & kAllocated ? " allocates" : "",
              found & kLocked ? " locks" : "", found & kCalled ? " calls the system" : "",
              found & kFailed ? " fails" : "");
}

void check_calls(sluice::Runtime& runtime, const std::string& function, sluice::Pass pass,
                 const std::vector<std::int64_t>& shape) {
  const std::string what = function + " of " + std::to_string(shape.back());
  sluice::KernelSpec spec{.function = function, .pass = pass, .operands = {}};
  spec.operands.assign(pass == sluice::forward ? 2 : 3, f32(shape));
  const Kernel kernel = runtime.compile(spec).value();
  std::size_t elements = 1;
  for (const std::int64_t extent : shape) elements *= static_cast<std::size_t>(extent);
  std::vector<std::vector<float>> memory(spec.operands.size(), std::vector<float>(elements, 0.5f));
  std::vector<TensorView> views;
  for (std::vector<float>& each : memory)
    views.emplace_back(static_cast<void*>(each.data()), sluice::Dtype::f32, shape);
  std::vector<std::byte> room(kernel.workspace_bytes(views, 1) + 64);
  const std::size_t begin = 64 - reinterpret_cast<std::uintptr_t>(room.data()) % 64;
  const auto workspace = std::span(room).subspan(begin);

  check(what + ", called", [&] { return kernel.call(views).ok(); });
  check(what + ", called with a workspace", [&] { return kernel.call(views, {}, workspace).ok(); });
  if (kernel.plain())
    check(what + ", run", [&] {
      std::vector<void*>::size_type i = 0;
      void* buffers[3] = {};
      for (std::vector<float>& each : memory) buffers[i++] = each.data();
      kernel.run(buffers, static_cast<std::int64_t>(elements));
      return true;
    });
  const sluice::Key key = runtime.key(spec).value();
  check(what + ", found", [&] {
    const auto guard = runtime.guard();
    return runtime.get(key, guard) != nullptr;
  });
}

// Of transposed, broadcast and reversed operands, which are copied on the way.
void check_strided_calls(sluice::Runtime& runtime, const std::string& function, sluice::Pass pass) {
  constexpr std::int64_t kRows = 90, kColumns = 100;
  const std::vector<std::int64_t> shape = {kRows, kColumns};
  sluice::KernelSpec spec{.function = function, .pass = pass, .operands = {}};
  spec.operands.assign(pass == sluice::forward ? 2 : 3, f32(shape));
  const Kernel kernel = runtime.compile(spec).value();
  std::vector<float> x(kRows * kColumns, 0.5f), y(x), gradient(x);
  std::vector<TensorView> views = {{x.data(), sluice::Dtype::f32, {kRows, kColumns}, {1, kRows}}};
  if (pass != sluice::forward)
    views.emplace_back(gradient.data(), sluice::Dtype::f32, shape, std::vector<std::int64_t>{0, 1});
  views.emplace_back(&y.back(), sluice::Dtype::f32, shape,
                     std::vector<std::int64_t>{-kColumns, -1});
  check(function + " of strides, called", [&] { return kernel.call(views).ok(); });
}

// A check that finds nothing is one that is at work.
void check_the_checks() {
  const int before = failures;
  std::fflush(stdout);
  check("(expected) malloc", [] {
    void* volatile memory = malloc(1);
    free(memory);
    return memory != nullptr;
  });
  check("(expected) a lock", [] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    return pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0;
  });
  check("(expected) a system call", [] { return ::syscall(SYS_getppid) != 0; });
  failures = failures - before == 3 ? before : failures + 1;
}

}  // namespace

int main() {
  check_the_checks();
  for (const char* target : {"", "interpreter"}) {
    sluice::RuntimeOptions options;
    options.target = target;
    sluice::Runtime runtime(options);
    std::printf("target: %s\n", *target == '\0' ? "the best" : target);
    for (const sluice::Pass pass : {sluice::forward, sluice::backward}) {
      for (const char* function : {"relu", "gelu", "mish"})
        check_calls(runtime, function, pass, {1000});
      for (const char* function : {"gelu", "softmax"}) check_strided_calls(runtime, function, pass);
      for (const std::int64_t columns : {5, 300, 4000, 20000})
        for (const char* function : {"softmax", "log_softmax"})
          check_calls(runtime, function, pass, {3, columns});
    }
  }
  return failures == 0 ? 0 : 1;
}
