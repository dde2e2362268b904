// proto_openai_chat_parts.cc: image_url, video_url, input_audio and file parts.
// SPDX-License-Identifier: MIT
#include "handler/proto_openai_chat_parts.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "handler/media.h"

namespace gc {
namespace {

using json::Value;

constexpr std::string_view kFilesUrl = "https://generativelanguage.googleapis.com/v1beta/";
// What Gemini fetches itself.
constexpr std::string_view kFetchedByGemini[] = {
    "https://generativelanguage.googleapis.com/",
    "https://www.youtube.com/",
    "https://youtube.com/",
    "https://m.youtube.com/",
    "https://youtu.be/",
};

// By the end of a file's name.
constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
    {".pdf", "application/pdf"},
    {".txt", "text/plain"},
    {".md", "text/markdown"},
    {".csv", "text/csv"},
    {".html", "text/html"},
    {".css", "text/css"},
    {".xml", "text/xml"},
    {".rtf", "text/rtf"},
    {".json", "application/json"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".webp", "image/webp"},
    {".heic", "image/heic"},
    {".heif", "image/heif"},
    {".gif", "image/gif"},
    {".wav", "audio/wav"},
    {".mp3", "audio/mp3"},
    {".ogg", "audio/ogg"},
    {".flac", "audio/flac"},
    {".mp4", "video/mp4"},
    {".webm", "video/webm"},
    {".mov", "video/mov"},
    {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
};

bool EndsWithIgnoringCase(std::string_view text, std::string_view lower_end) {
  return text.size() >= lower_end.size() &&
         std::equal(lower_end.begin(), lower_end.end(), text.end() - static_cast<std::ptrdiff_t>(lower_end.size()),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
}

std::string_view TypeOf(std::string_view filename) {
  for (const auto& [end, type] : kTypes) {
    if (EndsWithIgnoringCase(filename, end)) return type;
  }
  return "application/pdf";  // what OpenAI's clients send above all
}

bool IsFileName(std::string_view id) {
  constexpr std::string_view kPrefix = "files/";
  return id.starts_with(kPrefix) && id.size() > kPrefix.size() &&
         std::all_of(id.begin() + kPrefix.size(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

bool IsWebUrl(std::string_view text) { return text.starts_with("https://") || text.starts_with("http://"); }

OpenAiChatMedia Checked(Media media, const FieldPath& path, FirstError* error) {
  if (!TakesMime(media.mime_type)) error->Invalid(path, media.mime_type + " is a type that Gemini does not take");
  return {std::move(media.mime_type), std::move(media.data), {}, {}};
}

// A data URL, what Gemini fetches itself, or what the fetcher gets.
OpenAiChatMedia ReadUrl(const Fields& object, std::string_view name, MediaUse use, MediaFetcher* fetcher) {
  const std::string_view url = object.RequiredString(name);
  const FieldPath path = object.Path(name);
  FirstError* error = object.error();
  if (error->set()) return {};
  if (auto media = ReadDataUrl(url)) return Checked(std::move(*media), path, error);
  if (IsFileName(url)) return {{}, {}, std::string(kFilesUrl).append(url), {}};
  for (const std::string_view start : kFetchedByGemini) {
    if (url.starts_with(start)) return {{}, {}, std::string(url), {}};
  }
  if (url.starts_with("data:")) {
    error->Set(ApiErrorKind::kInvalidImageUrl, path, "is not a data: URL with a type and base64 data");
    return {};
  }
  auto fetched = FetchMedia(fetcher, url, use);
  if (!fetched.ok()) return error->Set(fetched.error().kind, path, fetched.error().message), OpenAiChatMedia{};
  return {std::move(fetched->mime_type), std::move(fetched->data), {}, {}};
}

// Gemini 3 and later take a resolution for each part.
std::string_view ResolutionOf(const Fields& image, const ModelFamily& family) {
  const std::string_view detail = image.String("detail").value_or("auto");
  if (detail != "auto" && detail != "low" && detail != "high" && detail != "original") {
    image.error()->Invalid(image.Path("detail"), "must be auto, low, high or original");
  }
  if (!family.media_in_results) return {};
  if (detail == "low") return "MEDIA_RESOLUTION_LOW";
  if (detail == "high") return "MEDIA_RESOLUTION_HIGH";
  return detail == "original" ? "MEDIA_RESOLUTION_ULTRA_HIGH" : "";
}

OpenAiChatMedia ReadAudio(const Fields& audio) {
  const std::string_view format = audio.RequiredString("format");
  const std::string_view text = audio.RequiredString("data");
  FirstError* error = audio.error();
  if (error->set()) return {};
  constexpr std::string_view kFormats[] = {"wav", "mp3", "aiff", "aac", "ogg", "flac"};
  if (std::find(std::begin(kFormats), std::end(kFormats), format) == std::end(kFormats)) {
    error->Invalid(audio.Path("format"), "must be wav, mp3, aiff, aac, ogg or flac");
  }
  auto data = NormalBase64(text);
  if (!data) error->Invalid(audio.Path("data"), "is not base64");
  return {"audio/" + std::string(format), std::move(data).value_or(""), {}, {}};
}

OpenAiChatMedia ReadFile(const Fields& file, MediaFetcher* fetcher) {
  FirstError* error = file.error();
  const auto id = file.String("file_id");
  const auto text = file.String("file_data");
  const std::string_view name = file.String("filename").value_or("");
  if (error->set()) return {};
  if (id && !text) {
    if (IsFileName(*id)) return {{}, {}, std::string(kFilesUrl).append(*id), {}};
    if (id->starts_with(kFilesUrl)) return {{}, {}, std::string(*id), {}};
    error->Invalid(file.Path("file_id"), "is not a file of the Gemini API (files/...)");
    return {};
  }
  const FieldPath path = file.Path("file_data");
  // OpenAI's Responses have file_url; some vendors' clients put a URL where the data is.
  if (!text && file.Any("file_url") != nullptr) return ReadUrl(file, "file_url", MediaUse::kFile, fetcher);
  if (text && IsWebUrl(*text)) return ReadUrl(file, "file_data", MediaUse::kFile, fetcher);
  if (!text) error->Invalid(path, "or file_id is required");
  if (error->set()) return {};
  if (auto media = ReadDataUrl(*text)) return Checked(std::move(*media), path, error);
  auto data = NormalBase64(*text);
  if (!data) error->Invalid(path, "is neither a data: URL nor base64");
  if (error->set()) return {};
  return Checked({std::string(TypeOf(name)), std::move(*data)}, path, error);
}

}  // namespace

bool IsOpenAiChatMedia(std::string_view type) {
  return type == "image_url" || type == "video_url" || type == "input_audio" || type == "file";
}

OpenAiChatMedia ReadOpenAiChatMedia(std::string_view type, const Fields& part, const ModelFamily& family,
                                    MediaFetcher* fetcher) {
  const Value* member = part.Object(type);
  const FieldPath path = part.Path(type);
  if (member == nullptr) {
    part.error()->Invalid(path, "is required");
    return {};
  }
  const Fields object(*member, path, part.error());
  if (type == "input_audio") return ReadAudio(object);
  if (type == "file") return ReadFile(object, fetcher);
  const bool is_image = type == "image_url";
  OpenAiChatMedia media = ReadUrl(object, "url", is_image ? MediaUse::kImage : MediaUse::kVideo, fetcher);
  if (is_image) media.resolution = ResolutionOf(object, family);
  return media;
}

}  // namespace gc
