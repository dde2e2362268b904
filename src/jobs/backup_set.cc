// backup_set.cc: reads the names of a backup directory and decides about them.
// SPDX-License-Identifier: MIT
#include "jobs/backup_set.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <memory>
#include <set>

#include "jobs/files.h"
#include "jobs/job.h"

namespace gc::jobs {
namespace {

constexpr std::string_view kPrefix = "gemini-code-";
constexpr std::string_view kSafetySuffix = "-safety";
constexpr int64_t kDay = 86400;
constexpr int64_t kFutureS = 3600;

std::string_view Ending(BackupFormat format) { return format == BackupFormat::kSql ? ".sql" : ".db.zst"; }

bool Take(std::string_view* text, std::string_view token) {
  if (!text->starts_with(token)) return false;
  text->remove_prefix(token.size());
  return true;
}

// Exactly so many digits.
bool TakeNumber(std::string_view* text, size_t digits, int* value) {
  if (text->size() < digits) return false;
  const auto [rest, error] = std::from_chars(text->data(), text->data() + digits, *value);
  if (error != std::errc() || rest != text->data() + digits || !isdigit(static_cast<unsigned char>(text->front()))) {
    return false;
  }
  text->remove_prefix(digits);
  return true;
}

// Unix seconds of a date and time of UTC; nullopt when there is no such day or hour.
std::optional<int64_t> UnixTime(const struct tm& wanted) {
  struct tm utc = wanted;
  const time_t seconds = timegm(&utc);
  const bool same = utc.tm_year == wanted.tm_year && utc.tm_mon == wanted.tm_mon && utc.tm_mday == wanted.tm_mday &&
                    utc.tm_hour == wanted.tm_hour && utc.tm_min == wanted.tm_min && utc.tm_sec == wanted.tm_sec;
  if (!same) return std::nullopt;
  return static_cast<int64_t>(seconds);
}

bool TakeDate(std::string_view* text, std::string_view separator, struct tm* utc) {
  int year = 0;
  int month = 0;
  const bool taken = TakeNumber(text, 4, &year) && Take(text, separator) && TakeNumber(text, 2, &month) &&
                     Take(text, separator) && TakeNumber(text, 2, &utc->tm_mday);
  utc->tm_year = year - 1900;
  utc->tm_mon = month - 1;
  return taken;
}

bool TakeTime(std::string_view* text, std::string_view separator, struct tm* utc) {
  return TakeNumber(text, 2, &utc->tm_hour) && Take(text, separator) && TakeNumber(text, 2, &utc->tm_min) &&
         Take(text, separator) && TakeNumber(text, 2, &utc->tm_sec);
}

// "Z" or "+02:00": seconds to the east.
bool TakeOffset(std::string_view* text, int64_t* offset_s) {
  if (Take(text, "Z")) return true;
  const int sign = text->starts_with('-') ? -1 : 1;
  int hours = 0;
  int minutes = 0;
  if (!Take(text, "+") && !Take(text, "-")) return false;
  if (!TakeNumber(text, 2, &hours) || !Take(text, ":") || !TakeNumber(text, 2, &minutes)) return false;
  *offset_s = int64_t{sign} * (hours * 60 + minutes) * 60;
  return true;
}

// The last second that is meant; nullopt: neither date nor time.
std::optional<int64_t> LastSecondOf(std::string_view text) {
  struct tm utc {};
  if (!TakeDate(&text, "-", &utc)) return std::nullopt;
  if (text.empty()) {
    const auto midnight = UnixTime(utc);
    if (!midnight) return std::nullopt;
    return *midnight + kDay - 1;
  }
  int64_t offset_s = 0;
  if (!Take(&text, "T") && !Take(&text, " ")) return std::nullopt;
  if (!TakeTime(&text, ":", &utc) || !TakeOffset(&text, &offset_s) || !text.empty()) return std::nullopt;
  const auto seconds = UnixTime(utc);
  if (!seconds) return std::nullopt;
  return *seconds - offset_s;
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

int64_t DayOf(int64_t unix_s) { return unix_s / kDay; }
// 1970-01-01 was a Thursday.
int64_t WeekOf(int64_t unix_s) { return (DayOf(unix_s) + 3) / 7; }
int64_t MonthOf(int64_t unix_s) {
  const time_t seconds = static_cast<time_t>(unix_s);
  struct tm utc {};
  gmtime_r(&seconds, &utc);
  return int64_t{utc.tm_year} * 12 + utc.tm_mon;
}

// One rule: the newest backup of each of the last `count` periods that have one.
class Periods {
 public:
  Periods(int64_t count, int64_t (*period_of)(int64_t)) : left_(count), period_of_(period_of) {}

  // Called from the newest to the oldest.
  bool Keeps(int64_t unix_s) {
    const int64_t period = period_of_(unix_s);
    if (left_ <= 0 || (last_ && *last_ == period)) return false;
    last_ = period;
    --left_;
    return true;
  }

 private:
  int64_t left_;
  int64_t (*period_of_)(int64_t);
  std::optional<int64_t> last_;
};

void PlanFormat(std::span<const Backup> backups, BackupFormat format, const Retention& retention, int64_t now_unix_s,
                RetentionPlan* plan) {
  Periods rules[] = {{retention.daily, DayOf}, {retention.weekly, WeekOf}, {retention.monthly, MonthOf}};
  bool newest = true;
  for (auto backup = backups.rbegin(); backup != backups.rend(); ++backup) {
    const BackupName& name = backup->name;
    if (name.format != format) continue;
    bool keep = false;
    if (name.created_unix_s > now_unix_s + kFutureS) {
      plan->future.push_back(*backup);
      keep = true;
    } else if (name.safety_copy) {
      keep = name.created_unix_s > now_unix_s - kSafetyCopyDays * kDay;
    } else {
      // No short cut: each rule counts for itself.
      for (Periods& rule : rules) keep = rule.Keeps(name.created_unix_s) || keep;
      keep = keep || newest;
      newest = false;
    }
    (keep ? plan->keep : plan->remove).push_back(*backup);
  }
}

bool IsOlder(const Backup& a, const Backup& b) { return a.name.created_unix_s < b.name.created_unix_s; }

}  // namespace

std::string BackupName::Text() const {
  const time_t seconds = static_cast<time_t>(created_unix_s);
  struct tm utc {};
  gmtime_r(&seconds, &utc);
  char stamp[48];
  strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
  char schema[16];
  snprintf(schema, sizeof schema, "-s%04d", schema_version);
  std::string text(kPrefix);
  text += stamp;
  text += schema;
  if (safety_copy) text += kSafetySuffix;
  return text + std::string(Ending(format));
}

std::optional<BackupName> BackupName::Parse(std::string_view name) {
  BackupName parsed;
  struct tm utc {};
  if (!Take(&name, kPrefix) || !TakeDate(&name, "", &utc) || !Take(&name, "T") || !TakeTime(&name, "", &utc)) {
    return std::nullopt;
  }
  if (!Take(&name, "Z-s") || !TakeNumber(&name, 4, &parsed.schema_version)) return std::nullopt;
  const auto created = UnixTime(utc);
  if (!created) return std::nullopt;
  parsed.created_unix_s = *created;
  parsed.safety_copy = Take(&name, kSafetySuffix);
  for (const BackupFormat format : {BackupFormat::kDatabase, BackupFormat::kSql}) {
    if (name != Ending(format)) continue;
    parsed.format = format;
    return parsed;
  }
  return std::nullopt;
}

Result<std::vector<Backup>> ListBackups(const std::string& directory) {
  const std::unique_ptr<DIR, DirectoryCloser> open(opendir(directory.c_str()));
  if (!open) {
    if (errno == ENOENT) return std::vector<Backup>();
    return SystemError("cannot read " + directory, errno);
  }
  std::vector<Backup> backups;
  std::set<std::string> others;
  while (const dirent* entry = readdir(open.get())) {
    const auto name = BackupName::Parse(entry->d_name);
    struct stat file {};
    if (!name) {
      others.insert(entry->d_name);
    } else if (lstat((directory + "/" + entry->d_name).c_str(), &file) == 0 && S_ISREG(file.st_mode)) {
      backups.push_back({*name, file.st_size, false});
    }
  }
  for (Backup& backup : backups) backup.has_manifest = others.contains(backup.name.Text() + ".json");
  std::sort(backups.begin(), backups.end(), [](const Backup& a, const Backup& b) {
    return IsOlder(a, b) || (!IsOlder(b, a) && a.name.Text() < b.name.Text());
  });
  return backups;
}

const Backup* Newest(std::span<const Backup> backups) {
  for (auto backup = backups.rbegin(); backup != backups.rend(); ++backup) {
    if (!backup->name.safety_copy) return &*backup;
  }
  return nullptr;
}

Result<Backup> FindBackup(std::span<const Backup> backups, const std::string& when) {
  const Backup* found = nullptr;
  if (when == "latest") {
    found = Newest(backups);
  } else {
    const auto last = LastSecondOf(when);
    if (!last) {
      return Error{ErrorKind::kInvalid, "'" + when + "' is neither a file, nor a date such as 2026-11-23, nor a time"};
    }
    for (const Backup& backup : backups) {
      if (!backup.name.safety_copy && backup.name.created_unix_s <= *last) found = &backup;
    }
  }
  if (found == nullptr) {
    const std::string what = when == "latest" ? "" : " from " + when + " or before";
    return Error{ErrorKind::kNotFound, "there is no backup" + what};
  }
  return *found;
}

RetentionPlan PlanRetention(std::span<const Backup> backups, const Retention& retention, int64_t now_unix_s) {
  RetentionPlan plan;
  for (const BackupFormat format : {BackupFormat::kDatabase, BackupFormat::kSql}) {
    PlanFormat(backups, format, retention, now_unix_s, &plan);
  }
  for (std::vector<Backup>* list : {&plan.remove, &plan.keep, &plan.future}) {
    std::stable_sort(list->begin(), list->end(), IsOlder);
  }
  return plan;
}

}  // namespace gc::jobs
