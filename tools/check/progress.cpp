#include "tools/check/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include <fmt/format.h>

namespace sluice::tools {
namespace {

constexpr auto kBetween = std::chrono::milliseconds(200);
constexpr std::size_t kWidth = 40;

std::string minutes(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

Progress::Progress(std::uint64_t total)
    : terminal_(isatty(STDERR_FILENO) != 0), total_(std::max<std::uint64_t>(1, total)),
      start_(Clock::now()), last_(start_) {}

void Progress::skip(std::uint64_t done_before) { skipped_ += done_before; }

void Progress::add(std::uint64_t done) {
  done_ += done;
  const Clock::time_point now = Clock::now();
  if (!terminal_ || now - last_ < kBetween) return;
  last_ = now;
  show(now);
}

void Progress::end() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

void Progress::show(Clock::time_point now) {
  const double spent = std::chrono::duration<double>(now - start_).count();
  const std::uint64_t at = std::min(total_, skipped_ + done_);
  const double part = static_cast<double>(at) / static_cast<double>(total_);
  const double left = spent * static_cast<double>(total_ - at) / static_cast<double>(done_);
  const auto full = static_cast<std::size_t>(part * static_cast<double>(kWidth));
  const std::string line = fmt::format("\r[{}{}] {:3.0f} %, {} left\033[K", std::string(full, '#'),
                                       std::string(kWidth - full, ' '), 100 * part, minutes(left));
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  shown_ = true;
}

}  // namespace sluice::tools
