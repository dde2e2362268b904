// cgi_constant.cc: what a C program costs that prints an answer and ends: the measure of a CGI start. Uses libc alone,
// so that nothing else is loaded. Environment: BENCH_ANSWER (the whole answer, header lines included).
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>

int main() {
  const char* answer = getenv("BENCH_ANSWER");
  return answer != nullptr && fputs(answer, stdout) >= 0 ? 0 : 1;
}
