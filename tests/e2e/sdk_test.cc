// sdk_test.cc: official SDKs of other vendors against the gateway. Their cases live in tests/clients.
// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <sstream>

#include "e2e/calls.h"

namespace gc::test {
namespace {

class Sdk : public testing::TestWithParam<Mount> {};
INSTANTIATE_TEST_SUITE_P(Mounts, Sdk, testing::ValuesIn(kAllMounts), MountName);

// The number of cases that passed; all must.
size_t RunClient(Gateway* gateway, const std::string& program, const std::string& base_path) {
  Command command;
  command.argv = {"node", "tests/clients/" + program};
  command.env = {"BASE_URL=" + gateway->Url(base_path), "FAKE_URL=" + gateway->fake().base_url()};
  const RunResult result = RunCommand(command, 120'000);
  EXPECT_EQ(result.code, 0) << result.out << result.err << ReadFile(gateway->Path("log/apache-error.log"));
  size_t passed = 0;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) passed += line.starts_with("ok ");
  std::printf("[ figures  ] %s, %s: %zu cases\n", program.c_str(), gateway->mount().name().c_str(), passed);
  return passed;
}

// Apache tells that a client left when it cannot deliver a comment.
GatewayOptions WithComments(const Mount& mount) {
  GatewayOptions options{.mount = mount};
  options.config = {{"stream.keepalive_s", "1"}};
  return options;
}

TEST_P(Sdk, OpenAiChat) {
  Gateway gateway(WithComments(GetParam()));
  EXPECT_GE(RunClient(&gateway, "openai_chat.mjs", "/v1"), 10U);

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

TEST_P(Sdk, AnthropicMessages) {
  Gateway gateway(WithComments(GetParam()));
  EXPECT_GE(RunClient(&gateway, "anthropic_messages.mjs", ""), 20U);

  // Counting is an endpoint of its own, and never looks like an answer that was paid for.
  const auto count = [&](const std::string& where) {
    return gateway.database().Number("SELECT count(*) FROM request_logs WHERE " + where);
  };
  const std::string counted = "endpoint = '/v1/messages/count_tokens' AND status_code = 200 AND ";
  EXPECT_TRUE(WaitUntil([&] { return count(counted + "has_error = 0") == 4; }));
  EXPECT_EQ(count(counted + "error_type = 'upstream_overloaded'"), 1);
  EXPECT_EQ(count(counted + "coalesce(input_tokens, 0) + coalesce(output_tokens, 0) > 0"), 0);
  EXPECT_GT(count("endpoint = '/v1/messages' AND client_type = 'claude' AND status_code = 200 AND input_tokens > 0 AND "
                  "output_tokens > 0"),
            10);
}

}  // namespace
}  // namespace gc::test
