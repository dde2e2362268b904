// remote_media_test.cc: where URLs of files may stand in requests of either protocol, and what becomes of them.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "anthropic_replay.h"
#include "chat_replay.h"

namespace gc {
namespace {

// Has everything under https://e.org/, in the type that is asked for.
class Fetcher final : public MediaFetcher {
 public:
  Result<Media, ApiError> Fetch(std::string_view url, MediaUse use) override {
    urls.emplace_back(url);
    if (url == "https://e.org/busy") return ApiError{ApiErrorKind::kBusy, "restarts", "", 1};
    if (!url.starts_with("https://e.org/")) return ApiError{ApiErrorKind::kInvalidImageUrl, "is not there", "", 0};
    return Media{use == MediaUse::kImage ? "image/png" : use == MediaUse::kVideo ? "video/mp4" : "text/csv", "AAAA"};
  }

  std::vector<std::string> urls;
};

constexpr char kPng[] = R"({"inlineData":{"mimeType":"image/png","data":"AAAA"}})";
constexpr char kMp4[] = R"({"inlineData":{"mimeType":"video/mp4","data":"AAAA"}})";
constexpr char kCsv[] = R"({"inlineData":{"mimeType":"text/csv","data":"AAAA"}})";

struct Case {
  const char* name;
  const char* content;                           // of the one user message; the array's inside
  const char* sent;                              // somewhere in Gemini's request; or the field that is refused
  ApiErrorKind error = ApiErrorKind::kInternal;  // kInternal: none
};

void Check(const Case& c, const Result<gemini::Request, ApiError>& parsed) {
  SCOPED_TRACE(c.name);
  if (c.error == ApiErrorKind::kInternal) {
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    EXPECT_NE(parsed->body.find(c.sent), std::string::npos) << parsed->body;
  } else {
    ASSERT_FALSE(parsed.ok()) << parsed->body;
    EXPECT_EQ(parsed.error().kind, c.error);
    EXPECT_EQ(parsed.error().param, c.sent);
  }
}

std::string Messages(const std::string& content) {
  return R"({"model":"gemini-3.8-flash","max_tokens":2000,"messages":[{"role":"user","content":[)" + content + "]}]}";
}

TEST(RemoteMediaParts, Chat) {
  const Case cases[] = {
      {"image", R"({"type":"image_url","image_url":{"url":"https://e.org/a"}})", kPng},
      {"video", R"({"type":"video_url","video_url":{"url":"https://e.org/a"}})", kMp4},
      {"file_url", R"({"type":"file","file":{"file_url":"https://e.org/a"}})", kCsv},
      {"URL in file_data", R"({"type":"file","file":{"filename":"a.pdf","file_data":"https://e.org/a"}})", kCsv},
      {"not there", R"({"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"https://f.org/a"}})",
       "messages[0].content[1].image_url.url", ApiErrorKind::kInvalidImageUrl},
      {"file that is not there", R"({"type":"file","file":{"file_url":"http://f.org/a"}})",
       "messages[0].content[0].file.file_url", ApiErrorKind::kInvalidImageUrl},
      {"URL in file_data, not there", R"({"type":"file","file":{"file_data":"http://f.org/a"}})",
       "messages[0].content[0].file.file_data", ApiErrorKind::kInvalidImageUrl},
      {"restart", R"({"type":"image_url","image_url":{"url":"https://e.org/busy"}})",
       "messages[0].content[0].image_url.url", ApiErrorKind::kBusy},
  };
  for (const Case& c : cases) {
    Fetcher fetcher;
    StillClock clock;
    Check(c, NewOpenAiChat(clock)->Parse(ChatRequest(Messages(c.content)), {.media = &fetcher}));
    EXPECT_EQ(fetcher.urls.size(), 1U) << c.name;
  }
}

TEST(RemoteMediaParts, Messages) {
  const Case cases[] = {
      {"image", R"({"type":"image","source":{"type":"url","url":"https://e.org/a"}})", kPng},
      {"document", R"({"type":"document","title":"T","source":{"type":"url","url":"https://e.org/a"}})", kCsv},
      {"result of a tool",
       R"({"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url","url":)"
       R"("https://e.org/a"}}]})",
       kPng},
      {"image of a document",
       R"({"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url","url":)"
       R"("https://e.org/a"}}]}})",
       kPng},
      {"not there", R"({"type":"document","source":{"type":"url","url":"http://f.org/a"}})",
       "messages[0].content[0].source.url", ApiErrorKind::kInvalidImageUrl},
      {"restart", R"({"type":"image","source":{"type":"url","url":"https://e.org/busy"}})",
       "messages[0].content[0].source.url", ApiErrorKind::kBusy},
  };
  for (const Case& c : cases) {
    Fetcher fetcher;
    Check(c, ParseMessages(Messages(c.content), AnthropicUse::kMessage, {.media = &fetcher}));
    EXPECT_EQ(fetcher.urls.size(), 1U) << c.name;
  }
}

TEST(RemoteMediaParts, WhatNeedsNoFetchingIsNotFetched) {
  Fetcher fetcher;
  StillClock clock;
  for (const char* url : {"data:image/png;base64,AAAA", "https://youtu.be/x", "files/abc",
                          "https://generativelanguage.googleapis.com/v1beta/files/abc"}) {
    const std::string part = R"({"type":"image_url","image_url":{"url":")" + std::string(url) + "\"}}";
    EXPECT_TRUE(NewOpenAiChat(clock)->Parse(ChatRequest(Messages(part)), {.media = &fetcher}).ok()) << url;
  }
  const std::string block = R"({"type":"image","source":{"type":"url","url":"data:image/png;base64,AAAA"}})";
  EXPECT_TRUE(ParseMessages(Messages(block), AnthropicUse::kMessage, {.media = &fetcher}).ok());
  EXPECT_TRUE(fetcher.urls.empty());
}

}  // namespace
}  // namespace gc
