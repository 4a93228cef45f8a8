// The system's functions that the library calls, which the linker turns to here (--wrap). One that
// gives something back is not refused. tests/faults/check_wrapped.py holds the list to what the
// library calls.
#include <cerrno>
#include <cstdio>
#include <ctime>

#include <dirent.h>
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "faults.hpp"

namespace {

using faults::Kind;

int opened(int descriptor) {
  if (descriptor >= 0) ++faults::held.descriptors;
  return descriptor;
}

bool reading_failed = false;

}  // namespace

// A function that stands in for `name`: what it gives when it fails, its parameters, and how the
// call is made.
#define SLUICE_STAND_IN(kind, result, name, failure, parameters, arguments)                        \
  result __real_##name parameters;                                                                 \
  result __wrap_##name parameters {                                                                \
    if (faults::fails(Kind::kind)) return failure;                                                 \
    return __real_##name arguments;                                                                \
  }

extern "C" {

SLUICE_STAND_IN(pages, int, mprotect, -1, (void* at, std::size_t size, int access),
                (at, size, access))
SLUICE_STAND_IN(pages, int, ftruncate, -1, (int file, off_t size), (file, size))
SLUICE_STAND_IN(files, ssize_t, read, -1, (int file, void* to, std::size_t size), (file, to, size))
SLUICE_STAND_IN(files, ssize_t, pread, -1, (int file, void* to, std::size_t size, off_t at),
                (file, to, size, at))
SLUICE_STAND_IN(files, ssize_t, write, -1, (int file, const void* from, std::size_t size),
                (file, from, size))
SLUICE_STAND_IN(files, ssize_t, pwrite, -1,
                (int file, const void* from, std::size_t size, off_t at), (file, from, size, at))
SLUICE_STAND_IN(files, int, renameat, -1, (int folder, const char* name, int to, const char* next),
                (folder, name, to, next))
SLUICE_STAND_IN(files, int, unlink, -1, (const char* path), (path))
SLUICE_STAND_IN(files, int, unlinkat, -1, (int folder, const char* name, int flags),
                (folder, name, flags))
SLUICE_STAND_IN(files, int, mkdir, -1, (const char* path, mode_t mode), (path, mode))
SLUICE_STAND_IN(files, int, fstat, -1, (int file, struct stat* about), (file, about))
SLUICE_STAND_IN(files, int, fstatat, -1,
                (int folder, const char* name, struct stat* about, int flags),
                (folder, name, about, flags))
SLUICE_STAND_IN(files, int, utimensat, -1,
                (int folder, const char* name, const timespec* times, int flags),
                (folder, name, times, flags))
SLUICE_STAND_IN(files, DIR*, fdopendir, nullptr, (int folder), (folder))
SLUICE_STAND_IN(files, dirent*, readdir, nullptr, (DIR * folder), (folder))
SLUICE_STAND_IN(modules, void*, dlsym, nullptr, (void* module, const char* name), (module, name))
SLUICE_STAND_IN(modules, int, dladdr, 0, (const void* address, Dl_info* info), (address, info))
SLUICE_STAND_IN(modules, int, pthread_atfork, ENOMEM,
                (void (*before)(), void (*after)(), void (*in_child)()), (before, after, in_child))

// What LLVM takes as its module is loaded is its own, and it ends a process that has none.
void* __real_dlopen(const char* path, int mode);
void* __wrap_dlopen(const char* path, int mode) {
  if (faults::fails(Kind::modules)) return nullptr;
  const faults::Pause loading;
  return __real_dlopen(path, mode);
}

int __real_flock(int file, int what);
int __wrap_flock(int file, int what) {
  constexpr int kUnlock = 8;  // LOCK_UN
  return what != kUnlock && faults::fails(Kind::files) ? -1 : __real_flock(file, what);
}

void* __real_mmap(void* at, std::size_t size, int access, int flags, int file, off_t offset);
void* __wrap_mmap(void* at, std::size_t size, int access, int flags, int file, off_t offset) {
  if (faults::fails(Kind::pages)) return MAP_FAILED;
  void* const mapped = __real_mmap(at, size, access, flags, file, offset);
  if (mapped != MAP_FAILED && (flags & MAP_FIXED) == 0) ++faults::held.mappings;
  return mapped;
}
int __real_munmap(void* at, std::size_t size);
int __wrap_munmap(void* at, std::size_t size) {
  --faults::held.mappings;
  return __real_munmap(at, size);
}

int __real_memfd_create(const char* name, unsigned flags);
int __wrap_memfd_create(const char* name, unsigned flags) {
  return faults::fails(Kind::pages) ? -1 : opened(__real_memfd_create(name, flags));
}
// The mode is an argument where there is one, and else nothing that is looked at.
int __real_open(const char* path, int flags, mode_t mode);
int __wrap_open(const char* path, int flags, mode_t mode) {
  return faults::fails(Kind::files) ? -1 : opened(__real_open(path, flags, mode));
}
int __real_openat(int folder, const char* name, int flags, mode_t mode);
int __wrap_openat(int folder, const char* name, int flags, mode_t mode) {
  return faults::fails(Kind::files) ? -1 : opened(__real_openat(folder, name, flags, mode));
}
int __real_close(int file);
int __wrap_close(int file) {
  --faults::held.descriptors;
  return __real_close(file);
}
int __real_closedir(DIR* folder);
int __wrap_closedir(DIR* folder) {
  --faults::held.descriptors;
  return __real_closedir(folder);
}

int __real_fclose(std::FILE* file);
int __wrap_fclose(std::FILE* file) {
  --faults::held.descriptors;
  return __real_fclose(file);
}
std::FILE* __real_fopen(const char* path, const char* mode);
std::FILE* __wrap_fopen(const char* path, const char* mode) {
  std::FILE* const file = faults::fails(Kind::files) ? nullptr : __real_fopen(path, mode);
  if (file != nullptr) ++faults::held.descriptors;
  return file;
}
std::size_t __real_fread(void* to, std::size_t size, std::size_t count, std::FILE* file);
std::size_t __wrap_fread(void* to, std::size_t size, std::size_t count, std::FILE* file) {
  reading_failed = faults::fails(Kind::files);
  return reading_failed ? 0 : __real_fread(to, size, count, file);
}
int __real_ferror(std::FILE* file);
int __wrap_ferror(std::FILE* file) { return reading_failed ? 1 : __real_ferror(file); }

// Nobody else has the lock that is waited for.
int __wrap_nanosleep(const timespec*, timespec*) { return 0; }

}  // extern "C"
