// openai_chat.mjs: the official OpenAI SDK against a gateway whose upstream is the fake Gemini.
// Environment: BASE_URL (the gateway's, with /v1), API_KEY (default test-key-client), FAKE_URL (the fake's, optional: then
// order and cancellation are proved by its event log). Arguments: names of cases; none = all.
// Prints "ok NAME" or "not ok NAME: why" per case; exits 1 when one failed.
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import OpenAI from 'openai';

const baseURL = process.env.BASE_URL;
const apiKey = process.env.API_KEY ?? 'test-key-client';
const fakeUrl = process.env.FAKE_URL ?? '';
const model = process.env.MODEL ?? 'gemini-3.8-flash';
const caseTimeoutMs = 20_000;

const makeClient = (key) => new OpenAI({ apiKey: key, baseURL, maxRetries: 0, timeout: caseTimeoutMs });
const client = makeClient(apiKey);
const say = (content) => [{ role: 'user', content }];

const tool = (name, properties) => ({
  type: 'function',
  function: {
    name,
    description: `The tool ${name}`,
    parameters: { type: 'object', properties, required: Object.keys(properties), additionalProperties: false },
  },
});
const tools = [
  tool('get_weather', { city: { type: 'string' } }),
  tool('get_time', { zone: { type: 'string' }, digits: { type: 'integer', minimum: 1 } }),
];

async function control(method, path) {
  const reply = await fetch(fakeUrl + path, { method });
  assert.equal(reply.status, 200, `${path} answered ${reply.status}`);
  return reply.json();
}

// All chunks of a stream.
async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const textOf = (chunks) => chunks.map((c) => c.choices[0]?.delta?.content ?? '').join('');

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail('no error was raised');
}

// Puts streamed tool calls together the way agents do: by index, keeping nothing but the standard fields.
function assembleCalls(chunks) {
  const calls = [];
  for (const delta of chunks.flatMap((c) => c.choices[0]?.delta?.tool_calls ?? [])) {
    assert.ok(Number.isInteger(delta.index), 'each tool call delta has an index');
    const call = (calls[delta.index] ??= { id: '', type: 'function', function: { name: '', arguments: '' } });
    call.id += delta.id ?? '';
    call.function.name += delta.function?.name ?? '';
    call.function.arguments += delta.function?.arguments ?? '';
  }
  return calls;
}

function checkCalls(calls) {
  assert.deepEqual(calls.map((c) => c.function.name), ['get_weather', 'get_time']);
  assert.notEqual(calls[0].id, calls[1].id);
  for (const call of calls) assert.match(call.id, /^[A-Za-z0-9_-]{1,64}$/);
  assert.equal(typeof JSON.parse(calls[0].function.arguments).city, 'string');
  assert.ok(Number.isInteger(JSON.parse(calls[1].function.arguments).digits));
}

// Results in the reverse order of the calls: the gateway has to sort them.
const results = (calls) => [
  { role: 'tool', tool_call_id: calls[1].id, content: 'noon' },
  { role: 'tool', tool_call_id: calls[0].id, content: '{"celsius":15}' },
];
const toolAnswer = 'tools said: get_weather={"celsius":15}; get_time={"output":"noon"}';

const cases = {
  async models_list() {
    const ids = [];
    for await (const entry of client.models.list()) {
      assert.equal(entry.object, 'model');
      assert.ok(Number.isInteger(entry.created));
      ids.push(entry.id);
    }
    assert.ok(ids.includes(model), `${model} is listed`);
    assert.ok(ids.every((id) => !id.startsWith('models/')));
  },

  async models_retrieve() {
    const entry = await client.models.retrieve(model);
    assert.equal(entry.id, model);
    assert.equal(entry.object, 'model');
    const error = await rejection(client.models.retrieve('no-such-model'));
    assert.ok(error instanceof OpenAI.NotFoundError, error.constructor.name);
  },

  async unary() {
    const answer = await client.chat.completions.create({
      model,
      messages: [{ role: 'system', content: 'Be brief.' }, ...say('Hello, wörld 🌍')],
    });
    assert.match(answer.id, /^chatcmpl-/);
    assert.equal(answer.object, 'chat.completion');
    assert.equal(answer.model, model);
    assert.equal(answer.choices[0].message.role, 'assistant');
    assert.equal(answer.choices[0].message.content, 'echo: Hello, wörld 🌍');
    assert.equal(answer.choices[0].finish_reason, 'stop');
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    assert.ok(prompt_tokens > 0 && completion_tokens > 0);
    assert.equal(prompt_tokens + completion_tokens, total_tokens);
  },

  async max_tokens() {
    const answer = await client.chat.completions.create({ model, messages: say('many more words'), max_tokens: 2 });
    assert.equal(answer.choices[0].finish_reason, 'length');
  },

  async content_filter() {
    const answer = await client.chat.completions.create({ model, messages: say('x [[fake: block=SAFETY]]') });
    assert.equal(answer.choices[0].finish_reason, 'content_filter');
  },

  async stream() {
    const chunks = await collect(
      await client.chat.completions.create({
        model,
        messages: say('count [[fake: chunks=6]]'),
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    assert.equal(textOf(chunks), 'echo: count #2 #3 #4 #5 #6');
    assert.equal(chunks[0].choices[0].delta.role, 'assistant');
    assert.equal(new Set(chunks.map((c) => c.id)).size, 1, 'one id for all chunks');
    assert.ok(chunks.every((c) => c.object === 'chat.completion.chunk' && c.model === model));
    const finishes = chunks.map((c) => c.choices[0]?.finish_reason).filter(Boolean);
    assert.deepEqual(finishes, ['stop']);
    const last = chunks.at(-1);
    assert.deepEqual(last.choices, []);
    assert.equal(last.usage.prompt_tokens + last.usage.completion_tokens, last.usage.total_tokens);
    assert.ok(chunks.slice(0, -1).every((c) => c.usage === null || c.usage === undefined));
  },

  async stream_without_usage() {
    const chunks = await collect(await client.chat.completions.create({ model, messages: say('hi'), stream: true }));
    assert.equal(textOf(chunks), 'echo: hi');
    assert.ok(chunks.every((c) => c.choices.length === 1 && !c.usage));
  },

  // The upstream sends nothing after its first frame until that frame's text arrived here.
  async stream_is_incremental() {
    if (fakeUrl === '') return;
    const stream = await client.chat.completions.create({
      model,
      messages: say('now [[fake: chunks=3 hold=client-incremental@1]]'),
      stream: true,
    });
    let text = '';
    for await (const chunk of stream) {
      const piece = chunk.choices[0]?.delta?.content ?? '';
      if (text === '' && piece !== '') await control('POST', '/__fake/release?name=client-incremental');
      text += piece;
    }
    assert.equal(text, 'echo: now #2 #3');
  },

  async stream_split_anywhere() {
    const stream = await client.chat.completions.create({
      model,
      messages: say('Grüße 🌍 [[fake: split=every]]'),
      stream: true,
    });
    assert.equal(textOf(await collect(stream)), 'echo: Grüße 🌍');
  },

  async tools_unary() {
    const messages = say('Use get_weather and get_time for Paris.');
    const first = await client.chat.completions.create({ model, messages, tools });
    const { message, finish_reason } = first.choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message.content, null);
    checkCalls(message.tool_calls);
    const second = await client.chat.completions.create({
      model,
      messages: [...messages, message, ...results(message.tool_calls)],
      tools,
    });
    assert.equal(second.choices[0].message.content, toolAnswer);
    assert.equal(second.choices[0].finish_reason, 'stop');
  },

  async tools_streamed() {
    const messages = say('Use get_weather and get_time for Paris.');
    const chunks = await collect(await client.chat.completions.create({ model, messages, tools, stream: true }));
    const calls = assembleCalls(chunks);
    checkCalls(calls);
    assert.deepEqual(chunks.map((c) => c.choices[0]?.finish_reason).filter(Boolean), ['tool_calls']);
    const second = await client.chat.completions.create({
      model,
      messages: [...messages, { role: 'assistant', content: null, tool_calls: calls }, ...results(calls)],
      tools,
      stream: true,
    });
    assert.equal(textOf(await collect(second)), toolAnswer);
  },

  // The SDK's own assembler, which is stricter than ours.
  async tools_stream_helper() {
    const runner = client.chat.completions.stream({ model, messages: say('Use get_weather and get_time.'), tools });
    const final = await runner.finalChatCompletion();
    checkCalls(final.choices[0].message.tool_calls);
  },

  async tool_choice() {
    const ask = (tool_choice) => client.chat.completions.create({ model, messages: say('hello'), tools, tool_choice });
    const required = await ask('required');
    assert.equal(required.choices[0].message.tool_calls.length, 1);
    const named = await ask({ type: 'function', function: { name: 'get_time' } });
    assert.equal(named.choices[0].message.tool_calls[0].function.name, 'get_time');
    const none = await client.chat.completions.create({
      model,
      messages: say('Use get_weather.'),
      tools,
      tool_choice: 'none',
    });
    assert.equal(none.choices[0].message.tool_calls, undefined);
  },

  async error_bad_key() {
    for (const stream of [false, true]) {
      const asked = makeClient('test-key-invalid').chat.completions.create({ model, messages: say('hi'), stream });
      const error = await rejection(asked);
      assert.ok(error instanceof OpenAI.AuthenticationError, `${error.constructor.name} ${error.status}`);
      assert.ok(!error.message.includes('test-key-invalid'), 'the key is not repeated');
    }
  },

  async error_unknown_model() {
    const error = await rejection(client.chat.completions.create({ model: 'gemini-no-such', messages: say('hi') }));
    assert.ok(error instanceof OpenAI.NotFoundError, `${error.constructor.name} ${error.status}`);
    assert.equal(error.code, 'model_not_found');
  },

  async error_bad_request() {
    const error = await rejection(client.chat.completions.create({ model, messages: [] }));
    assert.ok(error instanceof OpenAI.BadRequestError, `${error.constructor.name} ${error.status}`);
    assert.equal(error.param, 'messages');
    assert.equal(error.type, 'invalid_request_error');
  },

  async error_quota() {
    const asked = makeClient('test-key-rpm').chat.completions.create({ model, messages: say('hi') });
    const error = await rejection(asked);
    assert.ok(error instanceof OpenAI.RateLimitError, `${error.constructor.name} ${error.status}`);
  },

  async error_midstream() {
    for (const fault of ['error_after=2', 'cut_after=2', 'reset=2', 'eof_without_finish', 'bad_json=3']) {
      const stream = await client.chat.completions.create({
        model,
        messages: say(`x [[fake: chunks=4 ${fault}]]`),
        stream: true,
      });
      const seen = [];
      const error = await rejection(
        (async () => {
          for await (const chunk of stream) seen.push(chunk);
        })(),
      );
      assert.ok(error instanceof OpenAI.APIError, `${fault}: ${error.constructor.name}`);
      assert.ok(textOf(seen).startsWith('echo: x #2'), `${fault}: what came before the fault arrived`);
    }
  },

  async abort_midstream() {
    const tag = `client-abort-${process.pid}`;
    const stream = await client.chat.completions.create({
      model,
      messages: say(`x [[fake: chunks=50 hold=never@3 tag=${tag}]]`),
      stream: true,
    });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta?.content) stream.controller.abort();
    }
    if (fakeUrl === '') return;
    await control('GET', `/__fake/wait?type=client_closed&tag=${tag}&timeout_ms=10000`);
  },
};

async function run(name) {
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
  if (!(await run(name))) failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
