#include "tools/check/chunks.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "support/build_digest.hpp"
#include "tools/check/journal.hpp"
#include "tools/check/progress.hpp"

namespace sluice::tools {
namespace {

struct Job {
  std::size_t part;
  accuracy::Sweep sweep;
  std::uint64_t chunk;
};

std::vector<Job> jobs_of(const CheckPlan& plan, const std::vector<CheckPart>& parts) {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    jobs.push_back({i, {accuracy::Coverage::special}, 0});
    for (std::uint64_t k = 0; k < accuracy::chunk_count(plan.sweep, plan.dtype); ++k)
      jobs.push_back({i, plan.sweep, k});
  }
  return jobs;
}

std::uint64_t points_of(const std::vector<Job>& jobs, const std::vector<CheckPart>& parts) {
  std::uint64_t points = 0;
  for (const Job& job : jobs)
    if (job.chunk == 0) points += accuracy::point_count(job.sweep, parts[job.part].subject);
  return points;
}

// All that changes a result, the compiler among it.
std::string key_of(const CheckPlan& plan) {
  const dsl::FunctionDef& definition = plan.definition();
  std::string key =
      fmt::format("{} {} {:016x}{:016x} {} {} {} {}", build_digest(), definition.name,
                  definition.digest.high, definition.digest.low, name(plan.dtype),
                  static_cast<int>(plan.sweep.coverage), plan.sweep.points, plan.sweep.seed);
  if (plan.grade != numerics::Grade::full)
    key += fmt::format(" {}", numerics::info(plan.grade).name);
  if (plan.family != Family::fma) key += fmt::format(" {}", name(plan.family));
  for (const double value : plan.params) key += fmt::format(" {:a}", value);
  return key;
}

class Crew {
 public:
  Crew(const std::vector<Job>& jobs, const std::vector<accuracy::Measuring>& measuring,
       Journal& journal, Progress& progress)
      : jobs_(jobs), measuring_(measuring), journal_(journal), progress_(progress),
        results_(jobs.size()) {
    for (auto& [job, measurement] : journal.take_finished())
      if (job < jobs.size()) {
        progress_.skip(measurement.points);
        results_[job] = std::move(measurement);
      }
  }

  Outcome work(unsigned threads) {
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < threads; ++i) workers.emplace_back([this] { take_jobs(); });
    }
    if (error_) return *error_;
    return Unit{};
  }

  // In the order of the jobs, so that sums of floating-point numbers are the same each time.
  void collect(std::vector<CheckPart>& parts) const {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      CheckPart& part = parts[jobs_[i].part];
      const bool special = jobs_[i].sweep.coverage == accuracy::Coverage::special;
      accuracy::merge(special ? part.special : part.sweep, *results_[i]);
    }
  }

 private:
  void take_jobs() {
    for (std::size_t i = next_++; i < jobs_.size() && !stopped_; i = next_++) {
      if (results_[i]) continue;
      const Job& job = jobs_[i];
      Result<accuracy::Measurement> measured =
          accuracy::measure_chunk(measuring_[job.part], job.sweep, job.chunk);
      const std::lock_guard lock(mutex_);
      Outcome kept = measured ? journal_.add(i, *measured) : Outcome(measured.error());
      if (!kept) {
        stopped_ = true;
        if (!error_) error_ = kept.error();
        return;
      }
      progress_.add(measured->points);
      results_[i] = std::move(*measured);
    }
  }

  const std::vector<Job>& jobs_;
  const std::vector<accuracy::Measuring>& measuring_;
  Journal& journal_;
  Progress& progress_;
  std::vector<std::optional<accuracy::Measurement>> results_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::optional<Error> error_;
  std::mutex mutex_;
};

}  // namespace

Outcome measure_parts(const CheckPlan& plan, std::vector<CheckPart>& parts) {
  std::vector<accuracy::Measuring> measuring;
  for (CheckPart& part : parts) {
    const accuracy::Promise none{std::numeric_limits<double>::infinity(),
                                 part.subject.derived_by || !plan.definition().is_builtin};
    auto prepared = accuracy::Measuring::prepare(part.subject, part.promise.value_or(none));
    if (!prepared) return prepared.error();
    part.crossings = prepared->crossings();
    measuring.push_back(std::move(*prepared));
  }
  Result<Journal> journal = Journal::open(plan.state_file, key_of(plan));
  if (!journal) return journal.error();
  const std::vector<Job> jobs = jobs_of(plan, parts);
  Progress progress(points_of(jobs, parts));
  Crew crew(jobs, measuring, *journal, progress);
  const Outcome worked = crew.work(std::max(1U, plan.threads));
  progress.end();
  if (!worked) return worked.error();
  crew.collect(parts);
  journal->remove();
  return Unit{};
}

}  // namespace sluice::tools
