// fake_gemini_player.cc: head, frames, faults.
// SPDX-License-Identifier: MIT
#include "support/fake_gemini_player.h"

#include <algorithm>

namespace gc::test::fake {
namespace {

constexpr std::string_view kErrorModel = "gemini";

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

std::string Eol(const Script& script) { return script.eol == "lf" ? "\n" : script.eol == "cr" ? "\r" : "\r\n"; }

}  // namespace

std::optional<Failure> ScriptedFailure(const Script& script, std::string_view model) {
  if (script.error_after != Script::kNever || script.html) return std::nullopt;
  if (!script.error.empty()) return Named(script.error, model).value_or(InvalidArgument("fake: no such error"));
  if (script.status != 0) return ByHttpStatus(static_cast<int>(script.status));
  if (script.leak_key) return InvalidArgument("API key not valid for this request.");
  return std::nullopt;
}

Player::Player(Connection* connection, Journal* journal, Doors* doors, Ids ids, const Script& script, std::string key,
               bool client_takes_gzip)
    : connection_(connection),
      journal_(journal),
      doors_(doors),
      ids_(ids),
      script_(script),
      key_(std::move(key)),
      client_takes_gzip_(client_takes_gzip) {}

void Player::Log(std::string_view type, int64_t value, std::string_view detail) {
  journal_->Add(ids_.connection, ids_.request, script_.tag, type, value, detail);
}

bool Player::ClientClosed() {
  Log("client_closed", frames_sent_);
  return false;
}

bool Player::Sleep(int64_t ms) {
  if (ms <= 0) return true;
  if (connection_->Wait(ms) == Waited::kClientGone) return ClientClosed();
  return true;
}

bool Player::Hold(const std::string& name, int64_t point) {
  Log("hold", point, name);
  while (!doors_->OpenOrEnlist(name, connection_)) {
    const Waited waited = connection_->Wait(-1);
    doors_->Leave(name, connection_);
    if (waited == Waited::kClientGone) return ClientClosed();
  }
  Log("released", point, name);
  return true;
}

bool Player::Pass(int64_t point) {
  for (const auto& [name, at] : script_.holds) {
    if (at == point && !Hold(name, point)) return false;
  }
  if (script_.silent == point) {
    Log("silent", point);
    while (connection_->Wait(-1) != Waited::kClientGone) {
    }
    return ClientClosed();
  }
  if (script_.reset == point) {
    Log("reset", point);
    connection_->Reset();
    return false;
  }
  if (script_.cut_after == point) {
    Log("cut", point);
    return false;
  }
  return true;
}

bool Player::BeginAnswer() {
  if (!Sleep(script_.first_delay_ms) || !Pass(Script::kBeforeHead)) return false;
  if (script_.drop) Log("cut", Script::kBeforeHead);
  return !script_.drop;
}

bool Player::SendHead(int status, const Headers& headers, BodyOptions* options, size_t body_bytes) {
  options->split_bytes = static_cast<size_t>(script_.split_bytes);
  options->cut_bytes = script_.cut_bytes;
  options->gzip = script_.gzip == "force" || (!script_.gzip.empty() && client_takes_gzip_);
  if (options->framing == Framing::kLength && (options->gzip || script_.split_bytes > 0)) {
    options->framing = Framing::kChunked;
  }
  if (script_.until_close) options->framing = Framing::kUntilClose;
  std::string head = "HTTP/1.1 " + std::to_string(status) + " " + std::string(Reason(status)) + "\r\n";
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  head +=
      "Vary: Origin\r\nVary: X-Origin\r\nServer: scaffolding on HTTPServer2\r\nX-XSS-Protection: 0\r\n"
      "X-Frame-Options: SAMEORIGIN\r\nX-Content-Type-Options: nosniff\r\nServer-Timing: gfet4t7; dur=12\r\n";
  if (script_.retry_after_s >= 0) head += "Retry-After: " + std::to_string(script_.retry_after_s) + "\r\n";
  if (options->gzip) head += "Content-Encoding: gzip\r\n";
  if (options->framing == Framing::kLength) head += "Content-Length: " + std::to_string(body_bytes) + "\r\n";
  if (options->framing == Framing::kChunked) head += "Transfer-Encoding: chunked\r\n";
  if (options->framing == Framing::kUntilClose) head += "Connection: close\r\n";
  Log("head", status);
  return connection_->Send(head + "\r\n") || ClientClosed();
}

bool Player::Check(BodyWriter::Outcome outcome) {
  if (outcome == BodyWriter::Outcome::kClientGone) return ClientClosed();
  if (outcome == BodyWriter::Outcome::kCut) Log("cut", frames_sent_);
  return outcome == BodyWriter::Outcome::kOk;
}

Failure Player::Scripted(Failure failure) const {
  if (!script_.message.empty()) failure.message = script_.message;
  if (script_.leak_key) failure.message += " Key: " + key_;
  return failure;
}

bool Player::PlayFailure(Failure failure, Form form) {
  failure = Scripted(std::move(failure));
  const std::string body = Body(failure);
  // A stream that was not asked for as SSE is an array, and so is its error.
  return PlayBody(failure.http, {{"Content-Type", "application/json; charset=UTF-8"}},
                  form == Form::kArray ? "[" + body + "]\n" : body);
}

bool Player::PlayBody(int status, Headers headers, std::string body) {
  if (!BeginAnswer()) return false;
  if (script_.html) {
    status = script_.status == 0 ? 200 : static_cast<int>(script_.status);
    headers = {{"Content-Type", "text/html; charset=UTF-8"}};
    body = "<!DOCTYPE html>\n<html lang=en><title>Sorry</title><p>The server is somewhere else.</html>\n";
    if (script_.leak_key) body += "<!-- " + key_ + " -->";
  }
  if (script_.bad_json != Script::kNever) body.resize(body.size() / 2);
  body = Spoil(std::move(body), 1);
  if (script_.bom) body.insert(0, "\xEF\xBB\xBF");
  BodyOptions options;
  options.framing = Framing::kLength;
  if (!SendHead(status, headers, &options, body.size()) || !Pass(0)) return false;
  BodyWriter writer(connection_, options);
  // Logged ahead like everything else; an answer with a scripted cut has no end.
  if (script_.cut_bytes == Script::kNever) Log("end", static_cast<int64_t>(body.size()));
  return Check(writer.Write(body)) && Check(writer.Finish()) && options.framing != Framing::kUntilClose;
}

// Puts the scripted dirt into the first text of a JSON answer.
std::string Player::Spoil(std::string json, int64_t k) const {
  constexpr std::string_view kText = "\"text\":\"";
  const size_t at = json.find(kText);
  if (at == std::string::npos) return json;
  if (script_.bad_utf8 == k) json.insert(at + kText.size(), "\xC3\x28\xFF");
  if (script_.lone_surrogate && k == 1) json.insert(at + kText.size(), "\\ud83d");
  return json;
}

bool Player::SendFrame(BodyWriter* writer, Form form, int64_t k, std::string frame) {
  if (form != Form::kRaw) {
    frame = Spoil(std::move(frame), k);
    if (script_.bad_json == k) frame.resize(frame.size() / 2);
  }
  std::string wire;
  if (script_.bom && k == 1) wire = "\xEF\xBB\xBF";
  if (form == Form::kSse) {
    const std::string eol = Eol(script_);
    if (script_.comments) wire += ": a comment" + eol + eol;
    wire += "data: " + frame + eol + eol;
  } else if (form == Form::kArray) {
    wire += (k == 1 ? "[" : ",\r\n") + frame;
  } else {
    wire += frame;
  }
  if (connection_->ClientGone()) return ClientClosed();
  Log("chunk", k);
  if (!Check(writer->Write(wire))) return false;
  frames_sent_ = k;
  return true;
}

bool Player::SendMidstreamError(BodyWriter* writer, Form form, int64_t k) {
  Failure failure = ByHttpStatus(503);
  if (!script_.error.empty())
    failure = Named(script_.error, kErrorModel).value_or(failure);
  else if (script_.status != 0)
    failure = ByHttpStatus(static_cast<int>(script_.status));
  return SendFrame(writer, form, k + 1, CompactBody(Scripted(std::move(failure))));
}

bool Player::EndFrames(BodyWriter* writer, Form form, int64_t sent) {
  if (form == Form::kArray && !Check(writer->Write(sent == 0 ? "[]" : "]"))) return false;
  Log("end", sent);
  return Check(writer->Finish());
}

bool Player::PlayFrames(int status, Headers headers, Form form, int64_t count,
                        const std::function<std::string(int64_t)>& frame) {
  if (script_.html) return PlayBody(status, std::move(headers), {});
  if (!BeginAnswer()) return false;
  BodyOptions options;
  if (!SendHead(status, headers, &options, 0)) return false;
  BodyWriter writer(connection_, options);
  for (int64_t k = 0; k <= count; ++k) {
    if (k > 0 && !SendFrame(&writer, form, k, frame(k))) return false;
    if (!Pass(k)) return false;
    if (script_.error_after == k) {
      if (!SendMidstreamError(&writer, form, k)) return false;
      count = k + 1;
      break;
    }
    const bool more = k < count;
    if (script_.chunk_delay.first == k && !Sleep(script_.chunk_delay.second)) return false;
    if (more && k > 0 && !Sleep(script_.delay_ms)) return false;
  }
  return EndFrames(&writer, form, count) && options.framing != Framing::kUntilClose;
}

}  // namespace gc::test::fake
