#include "tools/accuracy/measure.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "tools/accuracy/kernel.hpp"
#include "tools/accuracy/ulp.hpp"

namespace sluice::accuracy {
namespace {

// Whether an error is worse than another; of equals the one at the lesser point, whoever met it
// first.
bool worse(double ulps, const std::vector<double>& at, const Worst& than) {
  if (than.inputs.empty()) return true;
  return ulps != than.ulps ? ulps > than.ulps : at < than.inputs;
}

// Measures on one thread.
class Meter {
 public:
  Meter(const Subject& subject, const Promise& promise, std::vector<ZeroCrossing> crossings)
      : reference_(subject), derived_(subject.derived_by),
        ranges_(subject.definition().attributes.ranges), format_(format_of(subject.dtype())),
        promise_(promise.ulps), zero_crossings_(promise.zero_crossings),
        crossings_(std::move(crossings)) {}

  Result<Measurement> run(const SubjectKernel& kernel, const PointSource& source) {
    std::vector<double> out;
    std::vector<double> point;
    for (Points points = source(); !points.front().empty(); points = source()) {
      const std::size_t count = points.front().size();
      kernel.run(points, count, out);
      for (std::size_t i = 0; i < count; ++i) {
        point.clear();
        for (const std::vector<double>& column : points) point.push_back(column[i]);
        if (unspecified(point)) continue;
        if (const Outcome outcome = add(point, out[i]); !outcome.ok()) return outcome.error();
      }
    }
    return result_;
  }

 private:
  // What the derivative by one input is where another is NaN, nothing says; nor is anything
  // promised beyond the @range of an input.
  bool unspecified(const std::vector<double>& point) const {
    for (const dsl::Range& range : ranges_) {
      if (range.of_parameter) continue;
      if (point[range.target] < range.low || point[range.target] > range.high) return true;
    }
    return derived_ && point.size() > 1 &&
           std::any_of(point.begin(), point.end(), [](double x) { return std::isnan(x); });
  }

  // The first level is enough where its margin is small and the promise kept beyond doubt.
  Outcome add(const std::vector<double>& point, double got) {
    ++result_.points;
    Estimate truth = reference_.first_level(point);
    UlpError error = error_in_ulps(format_, got, truth);
    const ZeroCrossing* crossing = crossing_at(point);
    if (!(error.margin < 0.02 && error.ulps + error.margin <= promise_)) {
      if (const Outcome outcome = settle(point, truth); !outcome.ok()) return outcome;
      error = error_in_ulps(format_, got, truth);
    }
    bool kept = error.ulps <= promise_ + 1e-6;
    if (!kept && crossing == nullptr) crossing = find_crossing(point, got, truth);
    if (!kept && crossing != nullptr) kept = std::abs(got - truth.value) <= crossing->allowed;
    if (std::isfinite(error.ulps)) result_.sum += error.ulps;
    if (!kept) {
      ++result_.beyond;
      if (worse(error.ulps, point, result_.worst_beyond))
        result_.worst_beyond = {error.ulps, point, got, truth.value};
    }
    if (crossing == nullptr && worse(error.ulps, point, result_.worst))
      result_.worst = {error.ulps, point, got, truth.value};
    return Unit{};
  }

  // By the second level; all NaN are one point.
  Outcome settle(const std::vector<double>& point, Estimate& truth) {
    const bool nan = point.size() == 1 && std::isnan(point[0]);
    if (!nan || !at_nan_) {
      ++result_.by_second_level;
      const Result<Estimate> settled = reference_.second_level(point);
      if (!settled.ok()) return settled.error();
      truth = *settled;
      if (nan) at_nan_ = truth;
    } else {
      truth = *at_nan_;
    }
    return Unit{};
  }

  // One that was not known before; those of one input are for later points as well.
  const ZeroCrossing* find_crossing(const std::vector<double>& point, double got,
                                    const Estimate& truth) {
    if (!zero_crossings_ || !std::isfinite(got) || !std::isfinite(truth.value)) return nullptr;
    for (std::size_t i = 0; i < point.size(); ++i)
      if (const auto found = crossing_near(reference_, point, i)) {
        if (point.size() > 1) crossings_.clear();
        crossings_.push_back(*found);
        return &crossings_.back();
      }
    return nullptr;
  }

  const ZeroCrossing* crossing_at(const std::vector<double>& point) const {
    if (point.size() > 1) return nullptr;
    for (const ZeroCrossing& crossing : crossings_)
      if (std::abs(point[0] - crossing.zero) <= crossing.half_width) return &crossing;
    return nullptr;
  }

  Reference reference_;
  bool derived_;
  const std::vector<dsl::Range>& ranges_;
  Format format_;
  double promise_;
  bool zero_crossings_;
  std::vector<ZeroCrossing> crossings_;
  std::optional<Estimate> at_nan_;
  Measurement result_;
};

}  // namespace

void merge(Measurement& into, const Measurement& part) {
  into.points += part.points;
  into.by_second_level += part.by_second_level;
  into.beyond += part.beyond;
  into.sum += part.sum;
  const auto take = [](Worst& worst, const Worst& other) {
    if (!other.inputs.empty() && worse(other.ulps, other.inputs, worst)) worst = other;
  };
  take(into.worst, part.worst);
  take(into.worst_beyond, part.worst_beyond);
}

std::optional<Promise> promise_of(const dsl::FunctionDef& definition, Dtype dtype,
                                  bool derivative) {
  const dsl::Attributes& attributes = definition.attributes;
  if (!attributes.ulp) return std::nullopt;
  Promise promise{derivative ? attributes.ulp->derivative : attributes.ulp->forward,
                  derivative || !definition.is_builtin};
  if (dtype == Dtype::f16 || dtype == Dtype::bf16) {
    if (attributes.terms) return std::nullopt;
    promise.ulps = 0.51;
  }
  // What is right to half an ulp in f32 is in f64; 3 ulps of an elementary function as yet.
  if (dtype == Dtype::f64 && promise.ulps > 0.5)
    promise.ulps = std::max(promise.ulps, derivative ? 4.0 : 3.0);
  return promise;
}

Measuring::Measuring(Subject subject, Promise promise, SubjectKernel kernel)
    : subject_(std::move(subject)), promise_(promise), kernel_(std::move(kernel)) {
  if (promise.zero_crossings) crossings_ = zero_crossings(Reference(subject_));
}

Result<Measuring> Measuring::prepare(const Subject& subject, const Promise& promise) {
  Result<SubjectKernel> kernel = SubjectKernel::compile(subject);
  if (!kernel.ok()) return kernel.error();
  return Measuring(subject, promise, std::move(*kernel));
}

Result<Measurement> Measuring::run(const PointSource& source) const {
  return Meter(subject_, promise_, crossings_).run(kernel_, source);
}

Result<Measurement> measure(const Subject& subject, const Promise& promise,
                            const PointSource& source, unsigned threads) {
  const Result<Measuring> measuring = Measuring::prepare(subject, promise);
  if (!measuring.ok()) return measuring.error();
  std::mutex source_mutex;
  const PointSource shared = [&] {
    const std::lock_guard lock(source_mutex);
    return source();
  };
  std::vector<Result<Measurement>> parts(std::max(1U, threads), Measurement{});
  {
    std::vector<std::jthread> workers;
    for (Result<Measurement>& part : parts)
      workers.emplace_back([&] { part = measuring->run(shared); });
  }
  Measurement total;
  for (const Result<Measurement>& part : parts) {
    if (!part.ok()) return part.error();
    merge(total, *part);
  }
  return total;
}

std::string describe(const Subject& subject, const Worst& worst) {
  char text[160];
  const dsl::FunctionDef& definition = subject.definition();
  std::string result = definition.name;
  if (subject.derived_by) result += " by " + definition.inputs[*subject.derived_by].name;
  result += ", " + std::string(name(subject.dtype())) + ": ";
  std::snprintf(text, sizeof text, "%.4f ulps at", worst.ulps);
  result += text;
  for (const double x : worst.inputs) {
    std::snprintf(text, sizeof text, " %a (%.9g)", x, x);
    result += text;
  }
  std::snprintf(text, sizeof text, ": got %a, truth %La", worst.got, worst.truth);
  return result + text;
}

}  // namespace sluice::accuracy
