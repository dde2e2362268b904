// schema.cc: reads sqlite_schema and compares its statements word by word.
// SPDX-License-Identifier: MIT
#include "store/schema.h"

#include <algorithm>

namespace gc::store {
namespace {

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// Where the token that begins at `at` ends: a quoted text, a word, a comment, a run of blanks, or one character.
size_t TokenEnd(std::string_view sql, size_t at) {
  const char c = sql[at];
  const auto past = [&sql](size_t found, size_t length) {
    return found == std::string_view::npos ? sql.size() : found + length;
  };
  if (sql.substr(at).starts_with("--")) return past(sql.find('\n', at), 1);
  if (sql.substr(at).starts_with("/*")) return past(sql.find("*/", at + 2), 2);
  if (c == '[') return past(sql.find(']', at), 1);
  if (c == '\'' || c == '"' || c == '`') {
    size_t end = sql.find(c, at + 1);
    while (end != std::string_view::npos && end + 1 < sql.size() && sql[end + 1] == c) end = sql.find(c, end + 2);
    return past(end, 1);
  }
  size_t end = at + 1;
  const auto same = [c](char next) {
    return IsWord(c) ? IsWord(next) : std::string_view(" \t\r\n\f").find(next) != std::string_view::npos;
  };
  if (!IsWord(c) && !same(c)) return end;
  while (end < sql.size() && same(sql[end])) ++end;
  return end;
}

// Tokens without comments and blanks.
std::vector<std::string_view> Tokens(std::string_view sql) {
  std::vector<std::string_view> tokens;
  for (size_t at = 0, end = 0; at < sql.size(); at = end) {
    end = TokenEnd(sql, at);
    const std::string_view token = sql.substr(at, end - at);
    const bool blank = std::string_view(" \t\r\n\f").find(token[0]) != std::string_view::npos;
    if (!blank && !token.starts_with("--") && !token.starts_with("/*")) tokens.push_back(token);
  }
  return tokens;
}

const SchemaObject* Find(const std::vector<SchemaObject>& objects, const SchemaObject& like) {
  const auto found = std::find_if(objects.begin(), objects.end(),
                                  [&](const SchemaObject& o) { return o.type == like.type && o.name == like.name; });
  return found == objects.end() ? nullptr : &*found;
}

}  // namespace

Result<std::vector<SchemaObject>> ReadSchema(Connection& connection) {
  auto query = connection.Prepare(
      "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid");
  if (!query) return query.error();
  std::vector<SchemaObject> objects;
  for (auto row = query->Step();; row = query->Step()) {
    if (!row) return row.error();
    if (!*row) return objects;
    objects.push_back({std::string(query->Text(0)), std::string(query->Text(1)), std::string(query->Text(2))});
  }
}

std::vector<SchemaDifference> CompareSchemas(const std::vector<SchemaObject>& expected,
                                             const std::vector<SchemaObject>& found) {
  std::vector<SchemaDifference> differences;
  for (const SchemaObject& object : expected) {
    const SchemaObject* other = Find(found, object);
    if (other == nullptr) {
      differences.push_back({SchemaChange::kMissing, object});
    } else if (Tokens(object.sql) != Tokens(other->sql)) {
      differences.push_back({SchemaChange::kChanged, object});
    }
  }
  for (const SchemaObject& object : found) {
    if (Find(expected, object) == nullptr) differences.push_back({SchemaChange::kUnexpected, object});
  }
  return differences;
}

std::vector<std::string> TableDefinitions(std::string_view create_table) {
  std::vector<std::string> definitions;
  std::string definition;
  int depth = 0;
  const char* last_end = nullptr;
  for (const std::string_view token : Tokens(create_table)) {
    if (token == ")" && --depth == 0) break;
    if (depth == 1 && token == ",") {
      definitions.push_back(std::move(definition));
      definition.clear();
    } else if (depth > 0) {
      if (!definition.empty() && token.data() != last_end) definition += ' ';
      definition += token;
    }
    last_end = token.data() + token.size();
    if (token == "(") ++depth;
  }
  if (!definition.empty()) definitions.push_back(std::move(definition));
  return definitions;
}

}  // namespace gc::store
