// cases.mjs: runs an SDK's cases by name, and talks to the fake Gemini behind the gateway.
// Environment: BASE_URL (the gateway's), API_KEY (default test-key-client), FAKE_URL (the fake's, optional), MODEL.
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';

export const baseURL = process.env.BASE_URL;
export const apiKey = process.env.API_KEY ?? 'test-key-client';
export const fakeUrl = process.env.FAKE_URL ?? '';
export const model = process.env.MODEL ?? 'gemini-3.8-flash';
export const caseTimeoutMs = 20_000;

// A call of the fake's control interface.
export async function control(method, path) {
  const reply = await fetch(fakeUrl + path, { method });
  assert.equal(reply.status, 200, `${path} answered ${reply.status}`);
  return reply.json();
}

async function run(cases, name) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${caseTimeoutMs} ms`)), caseTimeoutMs);
  });
  try {
    await Promise.race([cases[name](), late]);
    console.log(`ok ${name}`);
    return true;
  } catch (error) {
    // What fetch failed with stands in a chain of causes.
    const why = [];
    for (let e = error; e !== undefined && why.length < 5; e = e.cause) why.push(String(e?.message ?? e));
    console.log(`not ok ${name}: ${why.join(': ').replace(/\s+/g, ' ')}`);
    return false;
  } finally {
    clearTimeout(timer);
  }
}

// Runs the cases that the command line names, or all. Prints "ok NAME" or "not ok NAME: why" for each; exits 1 when one
// failed, 64 when there is nothing to run.
export async function runCases(cases) {
  if (!baseURL) {
    console.error('BASE_URL is not set');
    process.exit(64);
  }
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(cases);
  let failed = 0;
  for (const name of wanted) {
    if (!(name in cases)) {
      console.error(`no such case: ${name}`);
      process.exit(64);
    }
    if (!(await run(cases, name))) failed += 1;
  }
  process.exit(failed === 0 ? 0 : 1);
}
