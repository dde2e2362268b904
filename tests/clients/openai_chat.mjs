// openai_chat.mjs: the official OpenAI SDK against a gateway whose upstream is the fake Gemini.
// Environment: BASE_URL (the gateway's, with /v1), API_KEY (default test-key-client), FAKE_URL (the fake's, optional: then
// order and cancellation are proved by its event log). Arguments: names of cases; none = all.
// Prints "ok NAME" or "not ok NAME: why" per case; exits 1 when one failed.
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { apiKey, baseURL, caseTimeoutMs, control, fakeUrl, model, runCases } from './cases.mjs';


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

  async image_and_pdf() {
    const ask = (...parts) =>
      client.chat.completions.create({ model, messages: say([...parts, { type: 'text', text: 'Describe.' }]) });
    const image = (url, detail) => ({ type: 'image_url', image_url: { url, detail } });
    const answer = await ask(
      image('data:image/png;base64,iVBORw0KGgo=', 'high'),
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERg==' } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
    );
    assert.equal(answer.choices[0].message.content, 'echo: Describe.');
    const alone = await client.chat.completions.create({ model, messages: say('Describe.') });
    assert.ok(answer.usage.prompt_tokens > alone.usage.prompt_tokens, 'the media arrived');
    const remote = await rejection(ask(image('https://example.org/a.png')));
    assert.ok(remote instanceof OpenAI.BadRequestError, remote.constructor.name);
    assert.equal(remote.code, 'invalid_image_url');
    assert.equal(remote.param, 'messages[0].content[0].image_url.url');
    const gif = await rejection(ask(image('data:image/gif;base64,R0lGODlh')));
    assert.ok(gif instanceof OpenAI.BadRequestError, gif.constructor.name);
  },

  async structured_output() {
    const schema = {
      type: 'object',
      properties: { kind: { type: 'string', enum: ['x', 'y'] }, count: { type: 'integer', minimum: 3 } },
      required: ['kind', 'count'],
      additionalProperties: false,
    };
    const response_format = { type: 'json_schema', json_schema: { name: 'out', strict: true, schema } };
    const answer = await client.chat.completions.parse({ model, messages: say('list'), response_format });
    const { kind, count, ...others } = answer.choices[0].message.parsed;
    assert.equal(kind, 'x');
    assert.ok(Number.isInteger(count) && count >= 3);
    assert.deepEqual(others, {});
    // Where Gemini takes functions or JSON, and not both.
    const old = { model: 'gemini-2.5-flash', messages: say('Use get_time.'), tools, response_format };
    const called = await client.chat.completions.create(old);
    assert.equal(called.choices[0].finish_reason, 'tool_calls');
    const forced = await client.chat.completions.create({ ...old, model, tool_choice: 'required' });
    assert.equal(forced.choices[0].finish_reason, 'tool_calls');
    const forbidden = await client.chat.completions.create({ ...old, tool_choice: 'none' });
    assert.equal(JSON.parse(forbidden.choices[0].message.content).kind, 'x');
  },

  async custom_tools() {
    const custom = [{ type: 'custom', custom: { name: 'run_python', description: 'Runs Python' } }];
    const messages = say('Use run_python.');
    const first = await client.chat.completions.create({ model, messages, tools: custom });
    const { message, finish_reason } = first.choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message.tool_calls[0].type, 'custom');
    assert.equal(message.tool_calls[0].custom.name, 'run_python');
    assert.ok(!message.tool_calls[0].custom.input.startsWith('{'), 'free text, no JSON');
    const second = await client.chat.completions.create({
      model,
      messages: [...messages, message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'done' }],
      tools: custom,
    });
    assert.equal(second.choices[0].message.content, 'tools said: run_python={"output":"done"}');
    const chunks = await collect(
      await client.chat.completions.create({ model, messages, tools: custom, stream: true }),
    );
    const [call] = chunks.flatMap((c) => c.choices[0]?.delta?.tool_calls ?? []);
    assert.deepEqual([call.index, call.type, call.custom.name], [0, 'custom', 'run_python']);
  },

  async legacy_functions() {
    const functions = tools.map((t) => t.function);
    const messages = say('Use get_time.');
    const first = await client.chat.completions.create({ model, messages, functions });
    const { message, finish_reason } = first.choices[0];
    assert.equal(finish_reason, 'function_call');
    assert.equal(message.function_call.name, 'get_time');
    const second = await client.chat.completions.create({
      model,
      messages: [...messages, message, { role: 'function', name: 'get_time', content: 'noon' }],
      functions,
    });
    assert.equal(second.choices[0].message.content, 'tools said: get_time={"output":"noon"}');
  },

  async logprobs() {
    const ask = (name) =>
      client.chat.completions.create({ model: name, messages: say('é'), logprobs: true, top_logprobs: 1 });
    const [token] = (await ask('gemini-2.5-flash-lite')).choices[0].logprobs.content;
    assert.ok(token.logprob < 0);
    assert.deepEqual(Buffer.from(token.bytes).toString(), token.token);
    assert.equal(token.top_logprobs.length, 1);
    assert.equal((await ask(model)).choices[0].logprobs, null, 'a family without them answers all the same');
  },

  async web_search() {
    const ask = { model, messages: say('Käse'), web_search_options: { search_context_size: 'low' } };
    const check = (annotations, content) => {
      assert.equal(annotations.length, 1);
      const { start_index, end_index, url, title } = annotations[0].url_citation;
      assert.deepEqual([start_index, end_index], [0, content.length]);
      assert.deepEqual([url, title], ['https://example.org/found', 'example.org']);
    };
    const { message } = (await client.chat.completions.create(ask)).choices[0];
    check(message.annotations, message.content);
    const chunks = await collect(await client.chat.completions.create({ ...ask, stream: true }));
    check(chunks.flatMap((c) => c.choices[0]?.delta?.annotations ?? []), textOf(chunks));
  },

  async thinking() {
    const ask = { model, messages: say('hi'), reasoning_effort: 'high' };
    const answer = await client.chat.completions.create(ask);
    assert.ok(answer.choices[0].message.reasoning_content.length > 0);
    assert.ok(answer.usage.completion_tokens_details.reasoning_tokens > 0);
    const chunks = await collect(await client.chat.completions.create({ ...ask, stream: true }));
    assert.ok(chunks.some((c) => c.choices[0]?.delta?.reasoning_content));
    const google = { thinking_config: { thinking_level: 'low', include_thoughts: true } };
    const own = await client.chat.completions.create({ model, messages: say('hi'), extra_body: { google } });
    assert.ok(own.choices[0].message.reasoning_content.length > 0);
  },

  async several_choices() {
    // One call that gives both, and two calls.
    for (const family of ['gemini-2.5-flash-lite', model]) {
      const ask = { model: family, messages: say('hi [[fake: chunks=3]]'), n: 2 };
      const all = [[0, 'echo: hi #2 #3', 'stop'], [1, 'echo: hi #2 #3', 'stop']];
      const brief = (answer) => answer.choices.map((c) => [c.index, c.message.content, c.finish_reason]);
      const answer = await client.chat.completions.create(ask);
      assert.deepEqual(brief(answer), all, family);
      const one = await client.chat.completions.create({ ...ask, n: 1 });
      assert.equal(answer.usage.prompt_tokens, one.usage.prompt_tokens, family);
      assert.equal(answer.usage.completion_tokens, 2 * one.usage.completion_tokens, family);
      // The SDK's own collector puts the choices together by their index.
      assert.deepEqual(brief(await client.chat.completions.stream(ask).finalChatCompletion()), all, family);
    }
  },

  async service_tier() {
    const answer = await client.chat.completions.create({ model, messages: say('hi'), service_tier: 'flex' });
    assert.equal(answer.service_tier, 'flex');
  },

  async error_classes() {
    const expected = {
      'error=context': [OpenAI.BadRequestError, 400, 'context_length_exceeded'],
      'error=suspended': [OpenAI.AuthenticationError, 401, 'invalid_api_key'],
      'error=location': [OpenAI.PermissionDeniedError, 403],
      'error=retired': [OpenAI.NotFoundError, 404, 'model_not_found'],
      'status=409': [OpenAI.ConflictError, 409],
      'error=rpm': [OpenAI.RateLimitError, 429, 'rate_limit_exceeded'],
      'error=rpd': [OpenAI.RateLimitError, 429, 'insufficient_quota'],
      'error=internal': [OpenAI.InternalServerError, 502],
      'error=overloaded': [OpenAI.InternalServerError, 503],
      'error=deadline': [OpenAI.InternalServerError, 504],
    };
    let number = 0;
    for (const [fault, [type, status, code]] of Object.entries(expected)) {
      for (const stream of [false, true]) {
        // A key that was refused rests: each request has one of its own.
        const own = makeClient(`${apiKey}${++number}`);
        const asked = own.chat.completions.create({ model, messages: say(`x [[fake: ${fault}]]`), stream });
        const error = await rejection(asked);
        assert.ok(error instanceof type, `${fault}: ${error.constructor.name} ${error.status} ${error.message}`);
        assert.equal(error.status, status, fault);
        if (code) assert.equal(error.code, code, fault);
      }
    }
    const speech = { model: 'gemini-2.5-flash-preview-tts', messages: say('x'), modalities: ['audio'] };
    const missing = await rejection(client.chat.completions.create(speech));
    assert.deepEqual([missing.status, missing.param], [501, 'modalities']);
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

await runCases(cases);
