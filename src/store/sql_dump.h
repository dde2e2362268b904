// sql_dump.h: a main database as SQL text, and back, without loss: owner, schema version, schema, rows of every type,
// sequence values. The text is for people and for other tools (the sqlite3 shell reads it); reading it back accepts
// what WriteSqlDump writes and nothing else, so that a file from somewhere cannot do more than fill its own database.
// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gc::store {

// The text's first line.
inline constexpr std::string_view kSqlDumpHeading = "-- Gemini Code backup, SQL format 1\n";

using TextSink = std::function<Status(std::string_view)>;
// Fills a buffer; 0: the end.
using TextSource = std::function<Result<size_t>(char* buffer, size_t bytes)>;
using RowProgress = std::function<void(int64_t rows)>;

// Of a database that nobody else uses. The sink's error ends it. kUnsupported: a virtual table.
Status WriteSqlDump(const std::string& path, const TextSink& sink, const RowProgress& progress);

// Makes `target`, a new file (mode 0600), from a text. It is complete only with this function's success. kCorrupt, with
// the line: not such a text, cut short, or a statement that has no place in it; kExists: there is a file.
Status ReadSqlDump(const TextSource& source, const std::string& target, const RowProgress& progress);

}  // namespace gc::store
