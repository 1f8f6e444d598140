// The forest of a node, whichever of the three operators it is.
#pragma once

#include "forest.h"

namespace sklort::forest {

// TreeEnsemble, TreeEnsembleRegressor or TreeEnsembleClassifier. Throws what is wrong with the attributes.
Forest forest_of(const Node& node);

}  // namespace sklort::forest
