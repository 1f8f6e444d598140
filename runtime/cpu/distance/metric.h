// The distances of scipy.spatial.distance.cdist and scikit-learn by name.
//
// A distance between two rows is computed in three parts, all in double: the rows are prepared, each for itself (normalised, made
// true and false); a term is summed over the features (terms.hot.h), which with what is known of each row gives the *reduced*
// distance; and what keeps the order of distances - a root, a factor - comes last. Nearest neighbours are chosen by the reduced
// distance, as scikit-learn chooses them.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>

#include "terms.hot.h"

namespace sklort::distance {

enum class Rows : std::uint8_t {
  plain,
  unit,          // divided by the euclidean norm
  centred_unit,  // the same after the mean is subtracted
  truth,         // 0 or 1
  shares,        // divided by the sum
  globe,         // latitude, longitude, cosine of the latitude
};

// What becomes of the sum of products of two rows of truths.
enum class Overlap : std::uint8_t { none, jaccard, dice, rogers_tanimoto, russell_rao, sokal_sneath, yule };

enum class Last : std::uint8_t { nothing, root, half, share_of_features, power, half_root, arc };

struct Metric {
  Rows rows = Rows::plain;
  Term term = Term::squares;
  Overlap overlap = Overlap::none;
  Last last = Last::nothing;
  double p = 2;

  // The length of a prepared row.
  std::int64_t width(std::int64_t features) const noexcept { return rows == Rows::globe ? 3 : features; }

  // A distance from a reduced one.
  double finish(double reduced, std::int64_t features) const noexcept {
    switch (last) {
      case Last::nothing:
        return reduced;
      case Last::root:
        return std::sqrt(reduced);
      case Last::half:
        return 0.5 * reduced;
      case Last::share_of_features:
        return reduced / static_cast<double>(features);
      case Last::power:
        return std::pow(reduced, 1.0 / p);
      case Last::half_root:
        return std::sqrt(0.5 * (reduced > 0 ? reduced : reduced == reduced ? 0.0 : reduced));
      case Last::arc:
        return 2 * std::asin(std::sqrt(reduced));
    }
    return reduced;
  }
};

// An empty string, or a sentence why the name and the power make no metric.
std::string refuse_metric(const std::string& name, double p);
Metric metric_of(const std::string& name, double p);  // throws Error(invalid_graph)

}  // namespace sklort::distance
