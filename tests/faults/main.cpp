// Each call of a case that can fail fails in turn, once and from then on: the case ends in an error
// that is the fault's, or with the bits that it has without it; nothing is lost; afterwards it
// works.
//
//   sluice_faults [--every] [CASE]
//
// With --every each allocation is refused, else ever fewer of them.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.hpp"
#include "faults.hpp"

namespace {

using faults::Case;
using faults::Kind;
using faults::Plan;

struct Named {
  Plan plan;
  const char* name;
};
constexpr Named kPlans[] = {
    {{Kind::memory, ENOMEM, false}, "memory"},
    {{Kind::memory, ENOMEM, true}, "memory from then on"},
    {{Kind::pages, ENOMEM, false}, "pages"},
    {{Kind::pages, ENOMEM, true}, "pages from then on"},
    {{Kind::pages, EACCES, false}, "leave for pages"},
    {{Kind::pages, EACCES, true}, "leave for pages from then on"},
    {{Kind::files, EIO, false}, "files"},
    {{Kind::files, EINTR, false}, "files, interrupted"},
    {{Kind::files, EWOULDBLOCK, true}, "files that are waited for"},
    {{Kind::files, ENOSPC, true}, "files from then on"},
    {{Kind::modules, ENOENT, false}, "modules"},
    {{Kind::modules, ENOENT, true}, "modules from then on"},
};

struct Attempt {
  sluice_status status = SLUICE_OK;  // -1: it never came back
  std::uint64_t bits = 0;
  bool reached = true;  // the call that was to fail
  bool lost = false;    // some of what was taken did not come back
  bool explained = false;
};

int failed = 0;
bool every_one = false;

Attempt attempt_here(const Case& each, const Plan* plan, long number) {
  faults::before_attempt();
  Attempt made;
  faults::Bits bits;
  const faults::Held before = faults::held;
  if (plan != nullptr) faults::start(*plan, number);
  made.status = each.run(bits);
  if (plan != nullptr) made.reached = faults::stop();
  made.bits = bits.sum();
  made.lost = faults::held != before;
  made.explained = std::strlen(sluice_message()) > 0;
  return made;
}

// An attempt, and one without faults after it.
struct Both {
  Attempt made;
  Attempt after;
};

Both attempts_here(const Case& each, const Plan* plan, long number) {
  const Attempt made = attempt_here(each, plan, number);
  return {made, attempt_here(each, nullptr, 0)};
}

// What the child finds it leaves in memory that both see.
Both attempts_in_child(const Case& each, const Plan* plan, long number) {
  static auto* const shared = static_cast<Both*>(
      ::mmap(nullptr, sizeof(Both), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  *shared = Both{{.status = -1}, {.status = -1}};
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    *shared = attempts_here(each, plan, number);
    shared->made.lost = shared->after.lost = false;  // what a process makes once stays
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  char map[64];
  std::snprintf(map, sizeof map, "/tmp/perf-%d.map", static_cast<int>(child));
  ::unlink(map);
  return *shared;
}

Both attempts(const Case& each, const Plan* plan = nullptr, long number = 0) {
  return each.in_child ? attempts_in_child(each, plan, number) : attempts_here(each, plan, number);
}

void check(bool holds, const char* what, const Case& each, const char* plan, long number) {
  if (holds) return;
  ++failed;
  std::printf("%s, without %s, from call %ld: %s (%s)\n", each.name, plan, number, what,
              sluice_message());
}

// Where pages or files fail the kernel is made by other means.
sluice_status error_of(Kind kind, const Case& each) {
  if (kind == Kind::memory) return SLUICE_OUT_OF_MEMORY;
  return kind == Kind::files ? each.files : sluice_status{SLUICE_OK};
}

void sweep(const Case& each, const Named& named, std::uint64_t bits) {
  const Plan& plan = named.plan;
  const long dense = plan.kind == Kind::memory ? 12 : 1'000'000;
  long tried = 0, refused = 0;
  for (long number = 0;; number += every_one ? 1 : 1 + number / dense) {
    const auto [made, after] = attempts(each, &plan, number);
    if (!made.reached) break;
    ++tried;
    const auto expect = [&, number](bool holds, const char* what) {
      check(holds, what, each, named.name, number);
    };
    if (made.status == SLUICE_OK) {
      expect(made.bits == bits, "other results");
    } else {
      ++refused;
      expect(made.status == error_of(plan.kind, each), sluice_status_name(made.status));
      expect(made.explained, "no message");
    }
    expect(!made.lost, "something is lost");
    expect(after.status == SLUICE_OK && after.bits == bits, "afterwards it does not work");
    expect(!after.lost, "something is lost afterwards");
  }
  if (tried > 0)
    std::printf("%s, without %s: %ld faults, %ld of them an error\n", each.name, named.name, tried,
                refused);
}

// The thread's message has memory of its own, which grows to what the longest takes.
void grow_message() {
  char name[1000];
  std::memset(name, 'f', sizeof name);
  name[sizeof name - 1] = '\0';
  sluice_dtype none = 0;
  (void)sluice_dtype_from_name(name, &none);
}

void sweep(const Case& each) {
  // The second, as what is made once for the process is made by the first.
  const Attempt whole = attempts(each).after;
  check(whole.status == SLUICE_OK, sluice_status_name(whole.status), each, "nothing", 0);
  check(!whole.lost, "something is lost", each, "nothing", 0);
  for (const Named& named : kPlans)
    if (each.memory || named.plan.kind != Kind::memory) sweep(each, named, whole.bits);
}

// An exception of the caller's stays on the caller's side.
void check_callback() {
  constexpr std::int64_t kMany[] = {64, 4096};
  static float x[64 * 4096], y[64 * 4096];
  const Case self{"a loop of the caller's", nullptr};
  const sluice_tensor tensors[] = {{x, kMany, nullptr, 2, SLUICE_F32, 0},
                                   {y, kMany, nullptr, 2, SLUICE_F32, 0}};
  const sluice_parallel parallel{4, [](void*, size_t, sluice_task, void*) { throw 1; }, nullptr};
  sluice_call_options options = sluice_call_options_default();
  options.parallel = &parallel;
  faults::Runtime runtime;
  faults::Kernel kernel;
  check(sluice_runtime_create(nullptr, runtime.place()) == SLUICE_OK, "no runtime", self, "-", 0);
  const faults::Spec spec("relu", SLUICE_FORWARD, kMany);
  check(sluice_runtime_compile(runtime, spec, kernel.place()) == SLUICE_OK, "no kernel", self, "-",
        0);
  check(sluice_kernel_call(kernel, tensors, 2, &options) == SLUICE_INVALID_ARGUMENT,
        "its exception was not seen", self, "-", 0);
  const long before = faults::allocations;
  check(sluice_kernel_call(kernel, tensors, 2, nullptr) == SLUICE_OK, "no call", self, "-", 0);
  check(faults::allocations == before, "a call that allocates", self, "-", 0);
}

}  // namespace

int main(int count, char** arguments) {
  const char* chosen = nullptr;
  for (int i = 1; i < count; ++i)
    if (std::strcmp(arguments[i], "--every") == 0)
      every_one = true;
    else
      chosen = arguments[i];
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  grow_message();
  // First those that need a process in which nothing was made yet.
  for (const bool in_child : {true, false}) {
    // What a process makes once, LLVM's own too, is there before anything is counted.
    for (const Case& each : faults::interface_cases())
      if (!in_child && each.in_child) (void)attempts_here(each, nullptr, 0);
    for (const auto cases :
         {faults::interface_cases(), faults::compile_cases(), faults::disk_cases()})
      for (const Case& each : cases)
        if (each.in_child == in_child && (chosen == nullptr || std::strcmp(chosen, each.name) == 0))
          sweep(each);
  }
  check_callback();
  faults::remove_folder();
  if (failed == 0) std::puts("faults: all checks hold");
  return failed == 0 ? 0 : 1;
}
