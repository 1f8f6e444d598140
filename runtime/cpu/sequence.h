// Sequences as operators read them: a list of values, or the table that ZipMap gives.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "value.h"

namespace sklort {

// Throws unless `value` is one of the two.
std::int64_t sequence_length(const Value& value);

// 0 <= index < length
Value sequence_item(const Value& value, std::int64_t index);

// All of them, in a list of its own.
std::shared_ptr<Composite> sequence_items(const Value& value);

Value sequence_of(std::shared_ptr<Composite> items);

}  // namespace sklort
