// Faults on order: the n-th call that the library makes of the kind fails, as the system would have
// it fail. What the library holds of the process is counted, to see that it all comes back.
//
// The library's own calls alone are reached: those of the C library, of C++'s and of tools stay.
#pragma once

#include <cstdint>

namespace faults {

enum class Kind : std::uint8_t {
  memory,   // operator new, malloc, aligned_alloc
  pages,    // mmap, mprotect, memfd_create, ftruncate
  files,    // whatever opens, reads, writes, locks, lists or renames
  modules,  // dlopen, dlsym, pthread_atfork
};

struct Plan {
  Kind kind;
  int error;     // errno
  bool lasting;  // every later call of the kind fails as well
};

// Until stop(), the call of this number (from 0) fails; stop() says whether it came to that.
void start(const Plan& plan, long number);
bool stop();

// For the functions that stand in: whether this call fails. errno is set then.
[[nodiscard]] bool fails(Kind kind);

// For as long as it lives no call fails.
class Pause {
 public:
  Pause();
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;
  ~Pause();

 private:
  bool planned_;
};

struct Held {
  long allocations;
  long mappings;
  long descriptors;
  friend bool operator==(const Held&, const Held&) = default;
};
// By the library, since the program began; changed by the functions that stand in.
extern Held held;
// Allocations made so far.
extern long allocations;

}  // namespace faults
