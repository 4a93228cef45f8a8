#include "tools/check/journal.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <sluice/version.hpp>

#include "tools/functions.hpp"

namespace sluice::tools {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 28;
constexpr std::string_view kMark = "sluice check, version ";

std::string text_of(const accuracy::Worst& worst) {
  char truth[64];
  std::snprintf(truth, sizeof truth, "%La", worst.truth);
  std::string text =
      fmt::format(" {} {:a} {:a} {}", worst.inputs.size(), worst.ulps, worst.got, truth);
  for (const double x : worst.inputs) text += fmt::format(" {:a}", x);
  return text;
}

std::string line_of(std::size_t job, const accuracy::Measurement& found) {
  return fmt::format("{} {} {} {} {} {:a}{}{} .\n", job, found.points, found.by_interpolation,
                     found.by_second_level, found.beyond, found.sum, text_of(found.worst),
                     text_of(found.worst_beyond));
}

// Words of a line; streams read no hexadecimal floating-point numbers.
class Words {
 public:
  explicit Words(const std::string& line) : stream_(line) {}

  std::string word() {
    std::string text;
    stream_ >> text;
    good_ = good_ && !stream_.fail();
    return text;
  }
  std::uint64_t count() { return std::strtoull(word().c_str(), nullptr, 10); }
  double number() { return std::strtod(word().c_str(), nullptr); }
  long double long_number() { return std::strtold(word().c_str(), nullptr); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::istringstream stream_;
  bool good_ = true;
};

accuracy::Worst read_worst(Words& words) {
  accuracy::Worst worst;
  const std::uint64_t inputs = words.count();
  worst.ulps = words.number();
  worst.got = words.number();
  worst.truth = words.long_number();
  for (std::uint64_t i = 0; i < inputs && words.good(); ++i) worst.inputs.push_back(words.number());
  return worst;
}

std::optional<Journal::Entry> read_line(const std::string& line) {
  Words words(line);
  Journal::Entry entry;
  entry.first = words.count();
  entry.second.points = words.count();
  entry.second.by_interpolation = words.count();
  entry.second.by_second_level = words.count();
  entry.second.beyond = words.count();
  entry.second.sum = words.number();
  entry.second.worst = read_worst(words);
  entry.second.worst_beyond = read_worst(words);
  if (words.word() != "." || !words.good()) return std::nullopt;
  return entry;
}

Error cannot(const std::string& path, std::string_view what) {
  return {Status::io_error, fmt::format("{}: {}: {}", path, what, std::strerror(errno))};
}

}  // namespace

Result<Journal> Journal::open(const std::string& path, const std::string& key) {
  Journal journal;
  if (path.empty()) return journal;
  journal.path_ = path;
  const std::string head = fmt::format("{}{}: {}", kMark, kVersion, key);
  std::string text;
  if (const Result<std::string> found = read_text(path, kMostBytes)) text = *found;
  if (!text.empty() && !text.starts_with(kMark))
    return Error{Status::io_error,
                 fmt::format("{}: is no state file of a check, and stays as it is", path)};
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  if (line == head)
    while (std::getline(lines, line))
      if (auto entry = read_line(line)) journal.finished_.push_back(std::move(*entry));
  // Written anew: a line that was cut short must not run into the next.
  journal.file_.reset(std::fopen(path.c_str(), "wb"));
  if (!journal.file_) return cannot(path, "cannot be written");
  std::string all = head + "\n";
  for (const Entry& entry : journal.finished_) all += line_of(entry.first, entry.second);
  if (std::fputs(all.c_str(), journal.file_.get()) < 0 || std::fflush(journal.file_.get()) != 0)
    return cannot(path, "cannot be written");
  return journal;
}

Outcome Journal::add(std::size_t job, const accuracy::Measurement& found) {
  if (!file_) return Unit{};
  if (std::fputs(line_of(job, found).c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0)
    return cannot(path_, "cannot be written");
  return Unit{};
}

void Journal::remove() {
  if (!file_) return;
  file_.reset();
  std::remove(path_.c_str());
}

}  // namespace sluice::tools
