// sdk_test.cc: official SDKs of other vendors against the gateway. Their cases live in tests/clients.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <sstream>

#include "e2e/calls.h"

namespace gc::test {
namespace {

class Sdk : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Sdk, testing::ValuesIn(kAllMounts), MountName);

TEST_P(Sdk, OpenAiChat) {
  GatewayOptions options{.mount = GetParam()};
  options.config = {{"stream.keepalive_s", "1"}};  // Apache tells that a client left when it cannot deliver a comment
  Gateway gateway(options);
  Command command;
  command.argv = {"node", "tests/clients/openai_chat.mjs"};
  command.env = {"BASE_URL=" + gateway.Url("/v1"), "FAKE_URL=" + gateway.fake().base_url()};
  const RunResult result = RunCommand(command, 120'000);
  EXPECT_EQ(result.code, 0) << result.out << result.err << ReadFile(gateway.Path("log/apache-error.log"));
  size_t passed = 0;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) passed += line.starts_with("ok ");
  std::printf("[ figures  ] openai SDK, %s: %zu cases\n", GetParam().name().c_str(), passed);
  EXPECT_GE(passed, 10U) << result.out;

  // What an operator sees of it: models, tokens, first-token times, and a counter that agrees.
  EXPECT_GT(gateway.database().Number("SELECT count(*) FROM request_logs WHERE endpoint = '/v1/chat/completions' AND "
                                      "status_code = 200 AND model = 'gemini-3.8-flash' AND input_tokens > 0 AND "
                                      "output_tokens > 0 AND first_token_ms IS NOT NULL"),
            3);
  EXPECT_TRUE(WaitUntil([&] {
    return Field(Do(Get(gateway, "/health", "")).body, {"metrics", "requests_total"}) ==
           std::to_string(gateway.database().Number("SELECT count(*) FROM request_logs"));
  }));
}

}  // namespace
}  // namespace gc::test
