#include "tools/accuracy/measure.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "tools/accuracy/interpolate.hpp"
#include "tools/accuracy/kernel.hpp"
#include "tools/accuracy/ulp.hpp"

namespace sluice::accuracy {
namespace {

// Whether an error is worse than another; of equals the one at the lesser point, whoever met it
// first.
bool worse(double ulps, std::span<const double> at, const Worst& than) {
  if (than.inputs.empty()) return true;
  if (ulps != than.ulps) return ulps > than.ulps;
  return std::lexicographical_compare(at.begin(), at.end(), than.inputs.begin(), than.inputs.end());
}
Worst worst_at(std::span<const double> at, double ulps, double got, long double truth) {
  return {ulps, {at.begin(), at.end()}, got, truth};
}

// Numbers that lie side by side, what a kernel makes of them, and the errors of that.
struct Stretch {
  static constexpr std::size_t kMost = 2048;
  std::array<float, kMost> numbers;
  std::array<float, kMost> got;
  std::array<double, kMost> ulps;  // not below 0; NaN or infinite where results are of another kind
};

// Errors of results of f32 against a polynomial at t and so on: distance_in_ulps without branches,
// so that it is done in vectors.
template <std::size_t kCount, bool kTermed>
void errors_from_polynomial(const Piece& piece, double t, std::size_t count, Stretch& stretch) {
  constexpr int kBits = 24;
  constexpr double kBeyond = 0x1p128;
  constexpr double kNormal = 0x1p-126;
  constexpr double kGreatest = 0x1p127;
  const double step = piece.step();
  const auto coefficients = piece.coefficients;
  const auto terms = piece.term;
  for (std::size_t i = 0; i < count; ++i) {
    const double at = t + static_cast<double>(static_cast<int>(i)) * step;
    double truth = 0;
    for (std::size_t k = kCount; k-- > 0;) truth = truth * at + coefficients[k];
    double got = static_cast<double>(stretch.got[i]);
    got = got > kBeyond ? kBeyond : got < -kBeyond ? -kBeyond : got;
    double magnitude = std::abs(truth);
    if constexpr (kTermed) {
      double term = 0;
      for (std::size_t k = Piece::kFew; k-- > 0;) term = term * at + terms[k];
      magnitude = term > magnitude ? term : magnitude;
    }
    magnitude = magnitude < kNormal ? kNormal : magnitude > kGreatest ? kGreatest : magnitude;
    // 2^(kBits - 1 - e) of the magnitude's exponent e, by its field.
    const std::uint64_t field =
        std::bit_cast<std::uint64_t>(magnitude) & (std::uint64_t{0x7ff} << 52);
    const std::uint64_t per_ulp = (std::uint64_t{2 * 1023 + kBits - 1} << 52) - field;
    stretch.ulps[i] = std::abs(got - truth) * std::bit_cast<double>(per_ulp);
  }
}

// Where all truths are NaN, or beyond the type's numbers.
void errors_of_kind(Piece::Kind kind, std::size_t count, Stretch& stretch) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < count; ++i) {
    const float got = stretch.got[i];
    const bool same = kind == Piece::Kind::nan
                          ? std::isnan(got)
                          : got == (kind == Piece::Kind::beyond_above ? kInf : -kInf);
    stretch.ulps[i] = same ? 0 : std::numeric_limits<double>::infinity();
  }
}

void find_errors(const Piece& piece, std::uint64_t from, std::size_t count, Stretch& stretch) {
  const double t = -1 + static_cast<double>(from) * piece.step();
  if (piece.kind != Piece::Kind::polynomial)
    errors_of_kind(piece.kind, count, stretch);
  else if (piece.termed)
    errors_from_polynomial<Piece::kNodes, true>(piece, t, count, stretch);
  else if (piece.few)
    errors_from_polynomial<Piece::kFew, false>(piece, t, count, stretch);
  else
    errors_from_polynomial<Piece::kNodes, false>(piece, t, count, stretch);
}

// Measures on one thread.
class Meter {
 public:
  Meter(const Subject& subject, const Promise& promise, std::vector<ZeroCrossing> crossings)
      : reference_(subject), derived_(subject.derived_by.has_value()),
        ranges_(subject.definition().attributes.ranges), format_(format_of(subject.dtype())),
        promise_(promise.ulps), zero_crossings_(promise.zero_crossings),
        at_crossings_(promise.at_crossings), crossings_(std::move(crossings)) {}

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

  Result<Measurement> run_between(const SubjectKernel& kernel, std::uint64_t first,
                                  std::uint64_t end) {
    Stretch stretch;
    for (const Piece& piece : pieces_of(reference_, first, end, bounds())) {
      const std::array start{number_of(Dtype::f32, piece.first)};
      const bool rough = piece.kind == Piece::Kind::rough;
      if (!rough && unspecified(start)) continue;
      const bool crosses = crossing_at(start) != nullptr;
      for (std::uint64_t from = 0; from < piece.count; from += Stretch::kMost) {
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(Stretch::kMost, piece.count - from));
        for (std::size_t i = 0; i < count; ++i)
          stretch.numbers[i] =
              std::bit_cast<float>(static_cast<std::uint32_t>(piece.first + from + i));
        kernel.run(std::span(stretch.numbers.data(), count), std::span(stretch.got.data(), count));
        if (!rough) find_errors(piece, from, count, stretch);
        const Outcome outcome = rough ? add_each(stretch, count) : add_all(stretch, count, crosses);
        if (!outcome.ok()) return outcome.error();
      }
    }
    return result_;
  }

 private:
  // Where what holds for a number changes to what holds for its neighbour, in their order.
  std::vector<double> bounds() const {
    std::vector<double> bounds;
    for (const dsl::Range& range : ranges_)
      if (!range.of_parameter) bounds.insert(bounds.end(), {range.low, range.high});
    for (const ZeroCrossing& crossing : crossings_.sorted())
      bounds.insert(bounds.end(),
                    {crossing.zero - crossing.half_width, crossing.zero + crossing.half_width});
    std::sort(bounds.begin(), bounds.end());
    return bounds;
  }

  Outcome add_at(const Stretch& stretch, std::size_t i) {
    return add(std::array{static_cast<double>(stretch.numbers[i])},
               static_cast<double>(stretch.got[i]));
  }
  Outcome add_each(const Stretch& stretch, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (unspecified(std::array{static_cast<double>(stretch.numbers[i])})) continue;
      if (const Outcome outcome = add_at(stretch, i); !outcome.ok()) return outcome;
    }
    return Unit{};
  }

  // What may break the promise or be the worst so far is measured again by the reference.
  Outcome add_all(const Stretch& stretch, std::size_t count, bool crosses) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t doubtful = add_clear(stretch, i, count, clear_below(crosses));
      result_.points += doubtful - i;
      result_.by_interpolation += doubtful - i;
      if (doubtful == count) break;
      if (const Outcome outcome = add_at(stretch, doubtful); !outcome.ok()) return outcome;
      i = doubtful;
    }
    return Unit{};
  }
  [[nodiscard]] double clear_below(bool crosses) const {
    constexpr double kMore = 1e-6;
    const double kept = promise_ - kInterpolationMargin;
    if (crosses) return kept;
    return result_.worst.inputs.empty() ? -1 : std::min(kept, result_.worst.ulps + kMore);
  }
  // Adds errors from i on, up to the first one that is above the limit; returns its place.
  std::size_t add_clear(const Stretch& stretch, std::size_t i, std::size_t count, double limit) {
    constexpr std::size_t kLanes = 8;  // sums side by side: one alone waits for itself
    std::array<double, kLanes> sums{};
    bool clear = true;
    for (; clear && i + kLanes <= count; i += clear ? kLanes : 0) {
      for (std::size_t k = 0; k < kLanes; ++k) clear &= stretch.ulps[i + k] <= limit;
      for (std::size_t k = 0; clear && k < kLanes; ++k) sums[k] += stretch.ulps[i + k];
    }
    for (; i < count && stretch.ulps[i] <= limit; ++i) sums[0] += stretch.ulps[i];
    for (const double sum : sums) result_.sum += sum;
    return i;
  }

  // What the derivative by one input is where another is NaN, nothing says; nor is anything
  // promised beyond the @range of an input.
  bool unspecified(std::span<const double> point) const {
    for (const dsl::Range& range : ranges_) {
      if (range.of_parameter) continue;
      if (point[range.target] < range.low || point[range.target] > range.high) return true;
    }
    return derived_ && point.size() > 1 &&
           std::any_of(point.begin(), point.end(), [](double x) { return std::isnan(x); });
  }

  // The first level is enough where its margin is small and the promise is kept or broken beyond
  // doubt.
  Outcome add(std::span<const double> point, double got) {
    ++result_.points;
    Estimate truth = reference_.first_level(point);
    UlpError error = error_in_ulps(format_, got, truth);
    const ZeroCrossing* crossing = crossing_at(point);
    if (!(error.margin < 0.02 && std::abs(error.ulps - promise_) > error.margin)) {
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
        result_.worst_beyond = worst_at(point, error.ulps, got, truth.value);
    }
    if (crossing == nullptr && worse(error.ulps, point, result_.worst))
      result_.worst = worst_at(point, error.ulps, got, truth.value);
    return Unit{};
  }

  // By the second level; all NaN are one point.
  Outcome settle(std::span<const double> point, Estimate& truth) {
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
  const ZeroCrossing* find_crossing(std::span<const double> point, double got,
                                    const Estimate& truth) {
    if (!zero_crossings_ || !std::isfinite(got) || !std::isfinite(truth.value)) return nullptr;
    for (std::size_t i = 0; i < point.size(); ++i)
      if (auto found = crossing_near(reference_, point, i)) {
        if (point.size() > 1) crossings_ = Crossings();
        found->allowed *= at_crossings_;
        return crossings_.add(*found);
      }
    return nullptr;
  }

  const ZeroCrossing* crossing_at(std::span<const double> point) const {
    return point.size() > 1 ? nullptr : crossings_.at(point[0]);
  }

  Reference reference_;
  bool derived_;
  const std::vector<dsl::Range>& ranges_;
  Format format_;
  double promise_;
  bool zero_crossings_;
  double at_crossings_;
  Crossings crossings_;
  std::optional<Estimate> at_nan_;
  Measurement result_;
};

}  // namespace

void merge(Measurement& into, const Measurement& part) {
  into.points += part.points;
  into.by_interpolation += part.by_interpolation;
  into.by_second_level += part.by_second_level;
  into.beyond += part.beyond;
  into.sum += part.sum;
  const auto take = [](Worst& worst, const Worst& other) {
    if (!other.inputs.empty() && worse(other.ulps, other.inputs, worst)) worst = other;
  };
  take(into.worst, part.worst);
  take(into.worst_beyond, part.worst_beyond);
}

std::optional<Promise> promise_of(const dsl::FunctionDef& definition, Dtype dtype, bool derivative,
                                  numerics::Grade grade, Family family) {
  const dsl::Attributes& attributes = definition.attributes;
  if (!attributes.ulp) return std::nullopt;
  Promise promise{derivative ? attributes.ulp->derivative : attributes.ulp->forward,
                  derivative || !definition.is_builtin};
  if (dtype == Dtype::f16 || dtype == Dtype::bf16) {
    if (attributes.terms) return std::nullopt;
    promise.ulps = 0.51;
  }
  // What is right to half an ulp in f32 is in f64.
  if (dtype == Dtype::f64 && promise.ulps > 0.5)
    promise.ulps = std::max(promise.ulps, derivative ? 4.0 : definition.is_builtin ? 2.0 : 3.0);
  if (grade != numerics::Grade::full && dtype != Dtype::f64) {
    const double asked = numerics::info(grade).bound;
    const double in_ulps = std::ldexp(asked, format_of(dtype).mantissa_bits - 1);
    promise.ulps = dtype == Dtype::f32 ? std::max(promise.ulps, in_ulps) : promise.ulps + in_ulps;
    promise.at_crossings = std::max(1.0, asked * 0x1p22);  // 16 ulps are 2^-19
  }
  promise.ulps *= bound_factor(family);
  promise.at_crossings *= bound_factor(family);
  return promise;
}

Measuring::Measuring(Subject subject, Promise promise, SubjectKernel kernel)
    : subject_(std::move(subject)), promise_(promise), kernel_(std::move(kernel)) {
  if (promise.zero_crossings) crossings_ = zero_crossings(Reference(subject_));
  for (ZeroCrossing& crossing : crossings_) crossing.allowed *= promise.at_crossings;
}

Result<Measuring> Measuring::prepare(const Subject& subject, const Promise& promise) {
  Result<SubjectKernel> kernel = SubjectKernel::compile(subject);
  if (!kernel.ok()) return kernel.error();
  return Measuring(subject, promise, std::move(*kernel));
}

Result<Measurement> Measuring::run(const PointSource& source) const {
  return Meter(subject_, promise_, crossings_).run(kernel_, source);
}

Result<Measurement> Measuring::run_between(std::uint64_t first, std::uint64_t end) const {
  if (subject_.dtype() != Dtype::f32) return run(points_between(subject_.dtype(), first, end));
  return Meter(subject_, promise_, crossings_).run_between(kernel_, first, end);
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
