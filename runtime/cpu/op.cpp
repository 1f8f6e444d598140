#include "op.h"

namespace sklort {

namespace {

std::vector<const Registration*>& all() {
  static std::vector<const Registration*> registrations;
  return registrations;
}

}  // namespace

Registration::Registration(const char* domain_, const char* op_type_, int first_, int last_, Prepare prepare_, Refuse refuse_)
    : domain(domain_), op_type(op_type_), first(first_), last(last_), prepare(prepare_), refuse(refuse_) {
  all().push_back(this);
}

const std::vector<const Registration*>& registrations() { return all(); }

const Registration* find_registration(std::string_view domain, std::string_view op_type, int version) {
  for (const Registration* one : all()) {
    if (one->first <= version && version <= one->last && op_type == one->op_type && domain == one->domain) return one;
  }
  return nullptr;
}

const Attribute* Node::find(std::string_view name) const {
  const auto it = attributes.find(std::string(name));
  return it == attributes.end() ? nullptr : &it->second;
}

bool Node::has(std::string_view name) const { return find(name) != nullptr; }

namespace {

template <class T>
const T& get(const Attribute& attribute, std::string_view name, const char* expected) {
  if (const T* value = std::get_if<T>(&attribute)) return *value;
  bad_graph("attribute '", name, "' must be ", expected);
}

}  // namespace

std::int64_t Node::integer(std::string_view name, std::int64_t otherwise) const {
  const Attribute* found = find(name);
  return found == nullptr ? otherwise : get<std::int64_t>(*found, name, "an integer");
}

double Node::number(std::string_view name, double otherwise) const {
  const Attribute* found = find(name);
  return found == nullptr ? otherwise : get<double>(*found, name, "a float");
}

std::string Node::text(std::string_view name, std::string_view otherwise) const {
  const Attribute* found = find(name);
  return found == nullptr ? std::string(otherwise) : get<std::string>(*found, name, "a string");
}

namespace {

template <class T>
std::span<const T> items(const Attribute* found, std::string_view name, const char* expected) {
  if (found == nullptr) return {};
  const auto& tensor = get<Tensor>(*found, name, expected);
  if (tensor.count() == 0) return {};
  if (tensor.dtype != dtype_of<T>::value)
    bad_graph("attribute '", name, "' must be ", expected, ", got ", dtype_name(tensor.dtype));
  return tensor.span<T>();
}

}  // namespace

std::span<const std::int64_t> Node::integers(std::string_view name) const {
  return items<std::int64_t>(find(name), name, "a list of integers");
}

std::span<const float> Node::floats(std::string_view name) const { return items<float>(find(name), name, "a list of floats"); }

std::vector<std::string> Node::texts(std::string_view name) const {
  const Attribute* found = find(name);
  if (found == nullptr) return {};
  return get<std::vector<std::string>>(*found, name, "a list of strings");
}

const Tensor* Node::tensor(std::string_view name) const {
  const Attribute* found = find(name);
  return found == nullptr ? nullptr : &get<Tensor>(*found, name, "a tensor");
}

int Node::subgraph(std::string_view name) const {
  for (std::size_t i = 0; i < subgraphs.size(); ++i) {
    if (subgraphs[i].name == name) return static_cast<int>(i);
  }
  bad_graph("attribute '", name, "' is missing");
}

}  // namespace sklort
