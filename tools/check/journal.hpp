// The state file of a check: a line that says of which check, then a line for each finished chunk.
//
// Appended to and flushed as chunks finish, so that an interrupted run loses those under way alone;
// a line cut short is left out. The file of another check, or of another version, is replaced.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sluice/status.hpp>

#include "tools/accuracy/measure.hpp"

namespace sluice::tools {

class Journal {
 public:
  using Entry = std::pair<std::size_t, accuracy::Measurement>;  // a job's number, what it found

  // An empty path is no file at all. Errors: `io_error`, also where the file is something else.
  [[nodiscard]] static Result<Journal> open(const std::string& path, const std::string& key);

  [[nodiscard]] std::vector<Entry> take_finished() { return std::move(finished_); }
  [[nodiscard]] Outcome add(std::size_t job, const accuracy::Measurement& found);
  void remove();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<Entry> finished_;
};

}  // namespace sluice::tools
