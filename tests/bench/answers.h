// answers.h: the texts of the benchmark: what the client asks, and what its upstreams answer, as long as real ones.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace gc::bench {

inline constexpr char kKey[] = "bench-key-0123456789abcdef0123456789abcd";  // as long as Google's

// Of a whole answer: 1 KB, laid out as Google does it. Without `$`, which nginx would read as a variable.
inline constexpr char kUnaryAnswer[] = R"({
  "candidates": [
    {
      "content": {
        "parts": [
          {
            "text": "A gateway is a program that stands between two networks or two protocols and passes on what goes through it.\n\nThree properties matter most:\n\n1. **Correctness.** Nothing is lost, repeated or made up on the way.\n2. **Latency.** What it adds is small beside what the other side takes.\n3. **Isolation.** A slow client delays nobody else, and a broken one harms nobody else.\n\nEverything beyond that is convenience: it can be added later, and it can be left out."
          }
        ],
        "role": "model"
      },
      "finishReason": "STOP",
      "index": 0
    }
  ],
  "usageMetadata": {
    "promptTokenCount": 118,
    "candidatesTokenCount": 103,
    "totalTokenCount": 221,
    "promptTokensDetails": [
      {
        "modality": "TEXT",
        "tokenCount": 118
      }
    ]
  },
  "modelVersion": "gemini-3.8-flash",
  "responseId": "k3JvaMH4Mf2a7dcPwKjX6Ac"
}
)";

// The text of every streamed event, by which the clients know an event of the upstream.
inline constexpr char kEventText[] = "passes on what goes through it, event by event. ";

enum class Event { kInner, kLast };

inline std::string UpstreamEvent(Event event) {
  return std::string(R"(data: {"candidates": [{"content": {"parts": [{"text": ")") + kEventText +
         R"("}],"role": "model"},)" + (event == Event::kLast ? R"("finishReason": "STOP",)" : "") +
         R"("index": 0}],"usageMetadata": {"promptTokenCount": 118,"candidatesTokenCount": 12,"totalTokenCount": 130,)"
         R"("promptTokensDetails": [{"modality": "TEXT","tokenCount": 118}]},"modelVersion": "gemini-3.8-flash",)"
         R"("responseId": "k3JvaMH4Mf2a7dcPwKjX6Ac"})"
         "\r\n\r\n";
}

enum class IsStream { kNo, kYes };

// An OpenAI chat request.
inline std::string ChatBody(const std::string& model, IsStream is_stream) {
  return R"({"model":")" + model + R"(",)" + (is_stream == IsStream::kYes ? R"("stream":true,)" : "") +
         R"("messages":[{"role":"system","content":"You are a careful technical writer. Answer in plain English, in at most )"
         R"(one hundred words, and use a list where there is more than one point."},{"role":"user","content":"What is a )"
         R"(gateway?"},{"role":"assistant","content":"A program between two networks. Shall I say what makes one good?"},)"
         R"({"role":"user","content":"Yes. Say what a gateway is, which properties matter most in one, and what can be )"
         R"(left out."}],"temperature":0.7,"max_tokens":400})";
}

}  // namespace gc::bench
