#include "tools/check/row_checkup.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "tools/check/progress.hpp"

namespace sluice::tools {
namespace {

struct Job {
  std::size_t part;
  accuracy::RowKind kind;
  std::size_t width;
};

class Crew {
 public:
  Crew(const RowPlan& plan, const std::vector<accuracy::RowMeasuring>& measuring)
      : plan_(plan), measuring_(measuring) {
    for (std::size_t part = 0; part < measuring.size(); ++part)
      for (const accuracy::RowKind kind : accuracy::kRowKinds)
        for (const std::size_t width : plan.widths) jobs_.push_back({part, kind, width});
    results_.resize(jobs_.size());
    // The longest first, so that no thread is left with one in the end.
    order_.resize(jobs_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::size_t a, std::size_t b) { return jobs_[a].width > jobs_[b].width; });
  }

  Outcome work() {
    std::uint64_t columns = 0;
    for (const Job& job : jobs_) columns += job.width;
    Progress progress(columns);
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < plan_.threads; ++i)
        workers.emplace_back([&] { take_jobs(progress); });
    }
    progress.end();
    if (error_) return *error_;
    return Unit{};
  }

  // In the order of the jobs.
  void collect(std::vector<RowPart>& parts) const {
    for (std::size_t i = 0; i < jobs_.size(); ++i)
      accuracy::merge(parts[jobs_[i].part].measured, *results_[i]);
  }

 private:
  void take_jobs(Progress& progress) {
    for (std::size_t i = next_++; i < jobs_.size() && !stopped_; i = next_++) {
      const Job& job = jobs_[order_[i]];
      auto measured = measuring_[job.part].run(job.kind, job.width, plan_.seed);
      const std::lock_guard lock(mutex_);
      if (!measured) {
        stopped_ = true;
        if (!error_) error_ = measured.error();
        return;
      }
      progress.add(job.width);
      results_[order_[i]] = std::move(*measured);
    }
  }

  const RowPlan& plan_;
  const std::vector<accuracy::RowMeasuring>& measuring_;
  std::vector<Job> jobs_;
  std::vector<std::size_t> order_;
  std::vector<std::optional<accuracy::RowMeasurement>> results_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::optional<Error> error_;
  std::mutex mutex_;
};

accuracy::Subject subject_of(const RowPlan& plan) {
  accuracy::Subject subject;
  subject.program = &plan.function.definitions.tree;
  subject.function = plan.function.id;
  subject.compute = plan.dtype == Dtype::f64 ? ir::Elem::f64 : ir::Elem::f32;
  if (size_of(plan.dtype) == 2) subject.narrow = plan.dtype;
  subject.params = plan.params;
  subject.family = plan.family;
  return subject;
}

}  // namespace

const accuracy::RowWorst& RowPart::worst() const {
  return *std::max_element(
      measured.worst.begin(), measured.worst.end(),
      [](const accuracy::RowWorst& a, const accuracy::RowWorst& b) { return a.part < b.part; });
}

bool RowCheckup::kept() const {
  return std::all_of(parts.begin(), parts.end(), [](const RowPart& part) { return part.kept(); });
}

Result<RowCheckup> run_row_check(const RowPlan& plan) {
  const dsl::FunctionDef& definition = plan.definition();
  if (definition.inputs.empty())
    return Error{Status::unsupported,
                 fmt::format("'{}' has no inputs to check it at", definition.name)};
  RowCheckup checkup;
  std::vector<accuracy::RowMeasuring> measuring;
  accuracy::Subject subject = subject_of(plan);
  const auto add = [&](std::string name) {
    checkup.parts.push_back({std::move(name), {}});
    measuring.emplace_back(subject, plan.function.definitions.program);
  };
  for (std::uint32_t i = 0; i < definition.outputs.size(); ++i) {
    if (definition.outputs[i].type != dsl::Type::number) continue;
    subject.output = i;
    subject.derived_by.reset();
    add(definition.outputs[i].name);
    for (std::uint32_t k = 0; k < accuracy::given_inputs(definition); ++k) {
      if (definition.inputs[k].type() != dsl::Type::number) continue;
      subject.derived_by = k;
      add(fmt::format("d{}/d{}", definition.outputs[i].name, definition.inputs[k].name));
    }
  }
  if (measuring.empty())
    return Error{Status::unsupported, fmt::format("'{}' gives no number", definition.name)};
  Crew crew(plan, measuring);
  if (const Outcome worked = crew.work(); !worked) return worked.error();
  crew.collect(checkup.parts);
  return checkup;
}

}  // namespace sluice::tools
