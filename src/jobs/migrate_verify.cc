// migrate_verify.cc: tells where databases differ from what their migrations make.
// SPDX-License-Identifier: MIT
#include <sysexits.h>

#include <vector>

#include "base/json.h"
#include "jobs/migrate_parts.h"

namespace gc::jobs {
namespace {

constexpr int kBusyTimeoutMs = 5000;

const char* ChangeText(store::SchemaChange change) {
  switch (change) {
    case store::SchemaChange::kMissing:
      return "missing";
    case store::SchemaChange::kUnexpected:
      return "unexpected";
    case store::SchemaChange::kChanged:
      break;
  }
  return "changed";
}

void Say(const MigrateTarget& target, const store::VerifyResult& result, Console* console) {
  for (const auto& [change, object] : result.differences) {
    console->Say(target.path + ": " + ChangeText(change) + " " + object.type + " " + object.name);
  }
  for (const std::string& edited : result.edited) console->Say(target.path + ": " + edited);
  if (result.differences.empty() && result.edited.empty()) {
    console->Say(target.path + ": schema version " + std::to_string(result.version) + ", as its migrations made it");
  }
}

void Write(const MigrateTarget& target, const store::VerifyResult& result, json::Writer* w) {
  w->BeginObject().Key("database").String(target.name).Key("path").String(json::CleanUtf8(target.path));
  w->Key("version").Int(result.version).Key("differences").BeginArray();
  for (const auto& [change, object] : result.differences) {
    w->BeginObject().Key("change").String(ChangeText(change)).Key("type").String(object.type);
    w->Key("name").String(json::CleanUtf8(object.name)).EndObject();
  }
  w->EndArray().Key("edited").BeginArray();
  for (const std::string& edited : result.edited) w->String(edited);
  w->EndArray().EndObject();
}

}  // namespace

int RunVerify(std::span<const MigrateTarget> targets, Console* console) {
  std::string text;
  json::Writer w(&text);
  w.BeginObject().Key("command").String("verify").Key("databases").BeginArray();
  bool differs = false;
  for (const MigrateTarget& target : targets) {
    const auto result = store::Verify(target.path, target.which, kBusyTimeoutMs);
    if (!result) return console->Fail(result.error());
    differs = differs || !result->differences.empty() || !result->edited.empty();
    Say(target, *result, console);
    Write(target, *result, &w);
  }
  w.EndArray().EndObject();
  if (console->json()) console->Print(text);
  return differs ? kExitFindings : EX_OK;
}

}  // namespace gc::jobs
