#include "runtime/disk_folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace sluice {
namespace {

constexpr const char* kLockName = "lock";
constexpr const char* kNewName = "new";

bool is_file_name(std::string_view name) {
  return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == name.npos;
}

Error failure(const std::string& what, int code) {
  return {Status::io_error, what + ": " + std::strerror(code)};
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] bool ok() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

// A regular file of the user's, of no other name.
std::optional<struct stat> own_file(int descriptor) {
  struct stat about {};
  if (::fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode) || about.st_uid != ::geteuid())
    return std::nullopt;
  return about;
}

bool write_all(int file, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

void make_folders(const std::string& path) {
  for (std::size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1))
    ::mkdir(path.substr(0, end).c_str(), S_IRWXU);
  ::mkdir(path.c_str(), S_IRWXU);
}

}  // namespace

// One writer at a time, of all processes. The file holds the sum of sizes twice, once inverted;
// while it is being changed it holds none.
class DiskFolder::Lock {
 public:
  explicit Lock(int folder)
      : file_(::openat(folder, kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                       S_IRUSR | S_IWUSR)) {
    if (!file_.ok() || !own_file(file_.number())) return;
    for (int tries = 0; !held_ && tries < kTries; ++tries) {
      held_ = ::flock(file_.number(), LOCK_EX | LOCK_NB) == 0;
      if (held_ || errno != EWOULDBLOCK) return;
      const timespec pause{0, 1'000'000};
      ::nanosleep(&pause, nullptr);
    }
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  // By name, as a process that was forked meanwhile has the descriptor too.
  ~Lock() {
    if (held_) ::flock(file_.number(), LOCK_UN);
  }

  [[nodiscard]] bool held() const { return held_; }
  [[nodiscard]] std::optional<std::uint64_t> sum() const {
    std::array<std::uint64_t, 2> words{};
    if (::pread(file_.number(), words.data(), sizeof words, 0) != ssize_t{sizeof words} ||
        words[0] != ~words[1])
      return std::nullopt;
    return words[0];
  }
  // False where it can't be noted.
  [[nodiscard]] bool set_sum(std::optional<std::uint64_t> sum) const {
    const std::array<std::uint64_t, 2> words{sum.value_or(0), sum ? ~*sum : 0};
    return ::pwrite(file_.number(), words.data(), sizeof words, 0) == ssize_t{sizeof words};
  }

 private:
  static constexpr int kTries = 200;
  Descriptor file_;
  bool held_ = false;
};

Result<DiskFolder> DiskFolder::open(const std::string& path, std::uint64_t bound_bytes) {
  make_folders(path);
  Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat about {};
  if (!folder.ok() || ::fstat(folder.number(), &about) != 0)
    return failure("the folder of kernels '" + path + "' can't be used", errno);
  if (about.st_uid != ::geteuid() || (about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Status::denied, "the folder of kernels '" + path +
                                     "' is not used: it must be its user's own, of mode 0700"};
  return DiskFolder(folder.release(), bound_bytes);
}

DiskFolder::DiskFolder(DiskFolder&& other) noexcept
    : folder_(std::exchange(other.folder_, -1)), bound_bytes_(other.bound_bytes_) {}
DiskFolder::~DiskFolder() {
  if (folder_ >= 0) ::close(folder_);
}

Result<std::vector<std::uint8_t>> DiskFolder::read(const std::string& name) const {
  const Descriptor file(
      ::openat(folder_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.ok() && errno == ENOENT)
    return Error{Status::unavailable, "there is no '" + name + "'"};
  if (!file.ok()) return failure(name, errno);
  const auto about = own_file(file.number());
  if (!about || static_cast<std::uint64_t>(about->st_size) > bound_bytes_)
    return Error{Status::io_error, "'" + name + "' is no file of this folder"};
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(about->st_size));
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t got = ::read(file.number(), bytes.data() + at, bytes.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    at += static_cast<std::size_t>(got);
  }
  bytes.resize(at);
  return bytes;
}

void DiskFolder::touch(const std::string& name) const {
  ::utimensat(folder_, name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

Outcome DiskFolder::write(const std::string& name, std::span<const std::uint8_t> bytes) const {
  if (bytes.size() > bound_bytes_)
    return Error{Status::limit_exceeded, "'" + name + "' is larger than the folder may be"};
  const Lock lock(folder_);
  if (!lock.held()) return Error{Status::unavailable, "the folder's lock can't be had"};
  std::optional<std::uint64_t> sum = lock.sum();
  if (!lock.set_sum(std::nullopt)) return failure("the folder's lock", errno);
  struct stat old {};
  const auto old_bytes = [&]() -> std::uint64_t {
    return ::fstatat(folder_, name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0
               ? static_cast<std::uint64_t>(old.st_size)
               : 0;
  };
  if (!sum || *sum + bytes.size() > bound_bytes_ + old_bytes()) sum = make_room(bytes.size());
  const std::uint64_t without = *sum - std::min(old_bytes(), *sum);
  if (Outcome outcome = write_new(name, bytes); !outcome.ok()) return outcome;
  // Where it can't be noted, the next writer counts.
  (void)lock.set_sum(without + bytes.size());
  return Unit{};
}

Outcome DiskFolder::write_new(const std::string& name, std::span<const std::uint8_t> bytes) const {
  ::unlinkat(folder_, kNewName, 0);  // of a process that did not come to its end
  const Descriptor file(::openat(
      folder_, kNewName, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.ok() && write_all(file.number(), bytes) &&
      ::renameat(folder_, kNewName, folder_, name.c_str()) == 0)
    return Unit{};
  const int code = errno;
  if (file.ok()) ::unlinkat(folder_, kNewName, 0);
  return failure("'" + name + "' can't be written", code);
}

Outcome DiskFolder::remove(const std::string& name) const {
  const Lock lock(folder_);
  if (!lock.held()) return Error{Status::unavailable, "the folder's lock can't be had"};
  if (!lock.set_sum(std::nullopt) || ::unlinkat(folder_, name.c_str(), 0) != 0)
    return failure("'" + name + "' can't be removed", errno);
  return Unit{};
}

// Removes more than it must, so that not every writer has to look at all files.
std::uint64_t DiskFolder::make_room(std::uint64_t wanted) const {
  const std::vector<File> all = files();
  std::uint64_t sum = 0;
  for (const File& each : all) sum += each.bytes;
  if (sum + wanted <= bound_bytes_) return sum;
  const std::uint64_t goal = std::min(bound_bytes_ - bound_bytes_ / 8, bound_bytes_ - wanted);
  for (const File& each : all) {
    if (sum <= goal) break;
    if (::unlinkat(folder_, each.name.c_str(), 0) == 0) sum -= each.bytes;
  }
  return sum;
}

std::vector<DiskFolder::File> DiskFolder::files() const {
  std::vector<File> files;
  const int again = ::openat(folder_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const stream = again < 0 ? nullptr : ::fdopendir(again);
  if (stream == nullptr) {
    if (again >= 0) ::close(again);
    return files;
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> held(stream, ::closedir);
  while (const dirent* const each = ::readdir(stream)) {
    struct stat about {};
    File file{each->d_name, 0, 0};
    if (!is_file_name(file.name) ||
        ::fstatat(folder_, each->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
        S_ISDIR(about.st_mode))
      continue;
    file.bytes = static_cast<std::uint64_t>(about.st_size);
    file.used = std::int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec;
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return a.used != b.used ? a.used < b.used : a.name < b.name;
  });
  return files;
}

}  // namespace sluice
