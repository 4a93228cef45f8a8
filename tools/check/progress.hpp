// A bar on standard error with the time left; nothing where that is no terminal.
#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::tools {

// Not for several threads at a time.
class Progress {
 public:
  explicit Progress(std::uint64_t total);

  void skip(std::uint64_t done_before);  // by an earlier run
  void add(std::uint64_t done);
  void end();  // wipes the bar

 private:
  using Clock = std::chrono::steady_clock;
  void show(Clock::time_point now);

  bool terminal_;
  bool shown_ = false;
  std::uint64_t total_, skipped_ = 0, done_ = 0;
  Clock::time_point start_, last_;
};

}  // namespace sluice::tools
