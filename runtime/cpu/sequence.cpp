#include "sequence.h"

#include <utility>

#include "error.h"

namespace sklort {

std::int64_t sequence_length(const Value& value) {
  if (value.kind == Value::Kind::sequence) return std::ssize(value.composite->items);
  if (value.kind == Value::Kind::table) return value.composite->values.shape[0];
  fail("expected a sequence, got ", kind_name(value.kind));
}

Value sequence_item(const Value& value, std::int64_t index) {
  if (value.kind == Value::Kind::sequence) return value.composite->items[static_cast<std::size_t>(index)];
  const Composite& table = *value.composite;
  auto map = std::make_shared<Composite>();
  map->keys = table.keys;
  map->values = table.values;
  map->values.shape = {table.keys.count()};
  map->values.data = static_cast<char*>(table.values.data) + static_cast<std::size_t>(index) * map->values.bytes();
  return {Value::Kind::map, {}, std::move(map)};
}

std::shared_ptr<Composite> sequence_items(const Value& value) {
  auto list = std::make_shared<Composite>();
  const std::int64_t length = sequence_length(value);
  list->items.reserve(static_cast<std::size_t>(length) + 1);
  for (std::int64_t i = 0; i < length; ++i) list->items.push_back(sequence_item(value, i));
  return list;
}

Value sequence_of(std::shared_ptr<Composite> items) { return {Value::Kind::sequence, {}, std::move(items)}; }

}  // namespace sklort
