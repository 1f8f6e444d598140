#include "metric.h"

#include <array>
#include <string_view>
#include <utility>

#include "error.h"

namespace sklort::distance {
namespace {

using Entry = std::pair<std::string_view, Metric>;

constexpr Metric plain(Term term, Last last = Last::nothing) { return {Rows::plain, term, Overlap::none, last, 2}; }
constexpr Metric truths(Overlap overlap) { return {Rows::truth, Term::products, overlap, Last::nothing, 2}; }

constexpr Metric euclidean = plain(Term::squares, Last::root);
constexpr Metric squared = plain(Term::squares);
constexpr Metric manhattan = plain(Term::absolutes);
constexpr Metric chebyshev = plain(Term::maximum);

// The cosine of two rows is 1 - |u - v|^2 / 2 of their directions, which loses nothing to cancellation and gives exactly 0 for a
// row and itself.
constexpr Metric cosine = {Rows::unit, Term::squares, Overlap::none, Last::half, 2};
constexpr Metric correlation = {Rows::centred_unit, Term::squares, Overlap::none, Last::half, 2};

constexpr std::array names = {
    Entry{"euclidean", euclidean},
    Entry{"l2", euclidean},
    Entry{"sqeuclidean", squared},
    Entry{"manhattan", manhattan},
    Entry{"cityblock", manhattan},
    Entry{"l1", manhattan},
    Entry{"chebyshev", chebyshev},
    Entry{"infinity", chebyshev},
    Entry{"cosine", cosine},
    Entry{"correlation", correlation},
    Entry{"canberra", plain(Term::canberra)},
    Entry{"braycurtis", plain(Term::braycurtis)},
    Entry{"hamming", plain(Term::unequal, Last::share_of_features)},
    Entry{"matching", plain(Term::unequal, Last::share_of_features)},
    Entry{"nan_euclidean", plain(Term::nan_squares, Last::root)},
    Entry{"jensenshannon", Metric{Rows::shares, Term::entropy, Overlap::none, Last::half_root, 2}},
    Entry{"haversine", Metric{Rows::globe, Term::haversine, Overlap::none, Last::arc, 2}},
    Entry{"jaccard", truths(Overlap::jaccard)},
    Entry{"dice", truths(Overlap::dice)},
    Entry{"rogerstanimoto", truths(Overlap::rogers_tanimoto)},
    Entry{"sokalmichener", truths(Overlap::rogers_tanimoto)},
    Entry{"russellrao", truths(Overlap::russell_rao)},
    Entry{"sokalsneath", truths(Overlap::sokal_sneath)},
    Entry{"yule", truths(Overlap::yule)},
};

bool is_minkowski(std::string_view name) { return name == "minkowski" || name == "p"; }

const Metric* find(std::string_view name) {
  for (const Entry& entry : names) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

}  // namespace

std::string refuse_metric(const std::string& name, double p) {
  if (is_minkowski(name))
    return p > 0 ? std::string() : sentence("the power 'p' of the Minkowski distance is ", p, "; it must be positive");
  if (find(name) != nullptr) return {};
  std::string known = "minkowski";
  for (const Entry& entry : names) known += sentence(", ", entry.first);
  return sentence("there is no kernel for the metric '", name, "'; known: ", known);
}

Metric metric_of(const std::string& name, double p) {
  const std::string reason = refuse_metric(name, p);
  if (!reason.empty()) bad_graph(reason);
  if (!is_minkowski(name)) return *find(name);
  if (p == 1) return manhattan;
  if (p == 2) return euclidean;
  if (std::isinf(p)) return chebyshev;
  Metric metric = plain(Term::powers, Last::power);
  metric.p = p;
  return metric;
}

}  // namespace sklort::distance
