#include "statement_shape.hpp"

#include "pg_error.hpp"
#include "values.hpp"

#include <utility>

namespace distsys::adapters::postgres {

namespace {

constexpr std::size_t most_parameters = 65'535;  // a 16-bit number of the protocol

}  // namespace

void statement_shape::describe(const PGresult* r) {
  const auto known = std::exchange(parameter_types, {});
  for (int i = 0; i < PQnparams(r); ++i) parameter_types.push_back(PQparamtype(r, i));
  if (!known.empty() && parameter_types != known) ++generation;
  column_types.clear();
  binary_results = true;
  for (int i = 0; i < PQnfields(r); ++i) {
    column_types.push_back(PQftype(r, i));
    binary_results = binary_results && has_binary_form(column_types.back());
  }
  misfit = parameter_types.size() != parameters;
  described = !misfit;
  find_arrays();
}

void statement_shape::find_arrays() {
  std::vector<std::string_view> names;
  std::vector<Oid> types;
  for (const Oid type : parameter_types) {
    const auto array = array_of(type);
    if (!array) break;
    names.push_back(array->name);
    types.push_back(array->oid);
  }
  if (!insert || !described || names.empty() || names.size() != parameters) {
    of_arrays.reset();
    return;
  }
  std::string text = insert_of_arrays(*insert, names);
  if (of_arrays && of_arrays->sql == text) return;  // connections have prepared it
  of_arrays = std::make_shared<statement_shape>();
  of_arrays->sql = std::move(text);
  of_arrays->label = label;
  of_arrays->parameters = parameters;
  of_arrays->parameter_types = std::move(types);
  of_arrays->described = true;
}

result<std::shared_ptr<statement_shape>> shape_catalog::get(const ports::statement& s) {
  std::shared_ptr<statement_shape> shape;
  if (const auto found = index_.find(s.sql); found != index_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    shape = found->second->shape;
  } else {
    if (auto ok = check_statement(s.sql); !ok) return ok.error();
    auto numbered = number_parameters(s.sql);
    if (numbered.parameters > most_parameters)
      return error{errc::too_large, "`" + first_words(s.sql) + "` has more than 65535 parameters"};
    shape = std::make_shared<statement_shape>();
    shape->sql = std::move(numbered.text);
    shape->label = first_words(s.sql);
    shape->parameters = numbered.parameters;
    shape->insert = parse_row_insert(s.sql);
    if (recent_.size() >= capacity_) {
      index_.erase(recent_.back().sql);
      recent_.pop_back();
    }
    recent_.push_front({s.sql, shape});
    index_.emplace(recent_.front().sql, recent_.begin());
  }
  if (shape->parameters != s.parameters.columns())
    return error{errc::invalid, "`" + shape->label + "` has " + std::to_string(shape->parameters) +
                                    " parameters and was given " + std::to_string(s.parameters.columns())};
  return shape;
}

const std::string* prepared_statements::find(const std::shared_ptr<statement_shape>& shape) {
  const auto found = index_.find(shape.get());
  if (found == index_.end() || found->second->generation != shape->generation) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return &found->second->name;
}

const std::string& prepared_statements::add(const std::shared_ptr<statement_shape>& shape) {
  recent_.push_front({shape, "d" + std::to_string(next_++), shape->generation});
  index_[shape.get()] = recent_.begin();
  return recent_.front().name;
}

std::string prepared_statements::forget(const statement_shape* shape) {
  const auto found = index_.find(shape);
  if (found == index_.end()) return {};
  std::string name = std::move(found->second->name);
  recent_.erase(found->second);
  index_.erase(found);
  return name;
}

void prepared_statements::forget(const statement_shape* shape, const std::string& name) {
  const auto found = index_.find(shape);
  if (found != index_.end() && found->second->name == name) forget(shape);
}

void prepared_statements::forget_all() {
  index_.clear();
  recent_.clear();
}

std::string prepared_statements::evict() {
  if (recent_.size() < capacity_) return {};
  return forget(recent_.back().shape.get());
}

}  // namespace distsys::adapters::postgres
