// Edit distance with transpositions of neighbours (optimal string alignment).
#include "dsl/similar.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

namespace sluice::dsl {
namespace {

constexpr std::size_t kOffered = 3;
constexpr std::size_t kLongest = 40;  // names longer than this are not compared

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

std::vector<std::string> similar_names(std::string_view wanted,
                                       std::span<const std::string> candidates) {
  if (wanted.size() > kLongest) return {};
  const std::string plain = lower(wanted);
  const std::size_t allowed = wanted.size() <= 2 ? 1 : std::max<std::size_t>(1, wanted.size() / 3);
  struct Near {
    std::size_t away;
    std::size_t with_case;  // tells 'gelu' from 'Gelu'
    std::string name;
  };
  std::vector<Near> near;
  for (const std::string& candidate : candidates) {
    const std::size_t longer = std::max(wanted.size(), candidate.size());
    const std::size_t shorter = std::min(wanted.size(), candidate.size());
    if (candidate.size() > kLongest || longer - shorter > allowed) continue;
    const std::size_t away = distance(plain, lower(candidate));
    const bool shares_nothing = away >= longer;
    if (away <= allowed && !shares_nothing)
      near.push_back({away, distance(wanted, candidate), candidate});
  }
  std::stable_sort(near.begin(), near.end(), [](const Near& a, const Near& b) {
    return std::tie(a.away, a.with_case) < std::tie(b.away, b.with_case);
  });
  std::vector<std::string> out;
  for (const auto& [away, with_case, name] : near) {
    // A name twice as far as the nearest is no help.
    if (out.size() == kOffered || away > near.front().away + 1) break;
    // Nor is one that differs from an offered one by its case alone.
    const auto same = [&name = name](const std::string& other) {
      return lower(other) == lower(name);
    };
    if (std::none_of(out.begin(), out.end(), same)) out.push_back(name);
  }
  return out;
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string> candidates) {
  const std::vector<std::string> near = similar_names(wanted, candidates);
  if (near.empty()) return {};
  std::string out = "did you mean ";
  for (std::size_t i = 0; i < near.size(); ++i) {
    out += (i == 0 ? "'" : i + 1 == near.size() ? " or '" : ", '") + near[i] + "'";
  }
  return out + "?";
}

}  // namespace sluice::dsl
