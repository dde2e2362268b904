// schema.h: what a schema consists of, and where two of them differ.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/connection.h"

namespace gc::store {

struct SchemaObject {
  std::string type;  // table | index | view | trigger
  std::string name;
  std::string sql;  // as it was written, comments included
};

// In the order in which they were made. SQLite's own (sqlite_sequence, the indexes of UNIQUE) are left out.
Result<std::vector<SchemaObject>> ReadSchema(Connection& connection);

enum class SchemaChange {
  kMissing,     // expected, and not there
  kUnexpected,  // there, and not expected
  kChanged,     // there with other columns or conditions
};

struct SchemaDifference {
  SchemaChange change;
  SchemaObject expected;  // kUnexpected: the one that is there
};

// By type and name, in the order of `expected`, then what is there beyond. Blanks and comments make no difference:
// ALTER TABLE loses the comments, and puts the column where the comment of the one before it ends.
std::vector<SchemaDifference> CompareSchemas(const std::vector<SchemaObject>& expected,
                                             const std::vector<SchemaObject>& found);

// Definitions of the columns of a CREATE TABLE, then its constraints, without blanks at the ends and without comments.
std::vector<std::string> TableDefinitions(std::string_view create_table);

}  // namespace gc::store
