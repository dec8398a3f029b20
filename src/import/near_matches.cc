#include <algorithm>
#include <numeric>

#include "import/import.h"

namespace pumice {
namespace {

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string> near_matches(const std::string& name,
                                      const std::vector<std::string>& candidates, size_t most) {
  struct Scored {
    size_t score;
    const std::string* name;
  };
  std::vector<Scored> scored;
  for (const std::string& candidate : candidates) {
    // Distances of much longer names say nothing; a name that holds the asked one is near.
    bool contains = candidate.find(name) != std::string::npos;
    size_t longer = std::max(candidate.size(), name.size()),
           shorter = std::min(candidate.size(), name.size());
    if (!contains && (longer > 200 || longer - shorter > longer / 2)) continue;
    size_t score = contains ? longer - shorter : 2 * edit_distance(name, candidate);
    if (score <= longer || contains) scored.push_back({score, &candidate});
  }
  std::stable_sort(scored.begin(), scored.end(),
                   [](const Scored& a, const Scored& b) { return a.score < b.score; });
  std::vector<std::string> best;
  for (size_t i = 0; i < scored.size() && i < most; ++i) best.push_back(*scored[i].name);
  return best;
}

}  // namespace pumice
