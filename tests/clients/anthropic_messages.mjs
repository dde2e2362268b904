// anthropic_messages.mjs: the official Anthropic SDK against a gateway whose upstream is the fake Gemini.
// Environment: BASE_URL (the gateway's, without /v1), API_KEY (default test-key-client), FAKE_URL (the fake's, optional:
// then what reached Gemini is looked at, too). Arguments: names of cases; none = all.
// Prints "ok NAME" or "not ok NAME: why" per case; exits 1 when one failed.
// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { apiKey, baseURL, caseTimeoutMs, control, fakeUrl, model, runCases } from './cases.mjs';

const dummy = 'skip_thought_signature_validator';

const makeClient = (key) => new Anthropic({ apiKey: key, baseURL, maxRetries: 0, timeout: caseTimeoutMs });
const client = makeClient(apiKey);
const say = (content) => [{ role: 'user', content }];
const base = { model, max_tokens: 4000 };
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const pdf = Buffer.from('%PDF-1.4\n%%EOF\n').toString('base64');

const tool = (name, properties) => ({
  name,
  description: `The tool ${name}`,
  input_schema: { type: 'object', properties, required: Object.keys(properties), additionalProperties: false },
});
const tools = [
  tool('get_weather', { city: { type: 'string' } }),
  tool('get_time', { zone: { type: 'string' }, digits: { type: 'integer', minimum: 1 } }),
];

// The body of the last request that held `mark`, as Gemini got it.
async function sentBody(mark) {
  const { requests } = await control('GET', '/__fake/requests');
  const found = requests.findLast((r) => r.body.includes(mark));
  assert.ok(found, `a request with ${mark} reached Gemini`);
  return JSON.parse(found.body);
}

async function collect(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail('no error was raised');
}

const textOf = (message) => message.content.filter((b) => b.type === 'text').map((b) => b.text).join('');
const callsOf = (message) => message.content.filter((b) => b.type === 'tool_use');
const typesOf = (message) => message.content.map((b) => b.type);
const kept = ({ role, content }) => ({ role, content });

function checkMessage(message) {
  assert.match(message.id, /^msg_/);
  assert.equal(message.type, 'message');
  assert.equal(message.role, 'assistant');
  assert.equal(message.model, model);
  assert.equal(message.stop_sequence, null);
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
}

function checkCalls(calls) {
  assert.deepEqual(calls.map((c) => c.name), ['get_weather', 'get_time']);
  assert.notEqual(calls[0].id, calls[1].id);
  assert.equal(typeof calls[0].input.city, 'string');
  assert.ok(Number.isInteger(calls[1].input.digits));
}

// Results in the reverse order of the calls: the gateway has to sort them.
const results = (calls, more = {}) => ({
  role: 'user',
  content: [
    { type: 'tool_result', tool_use_id: calls[1].id, content: 'noon', ...more },
    { type: 'tool_result', tool_use_id: calls[0].id, content: '{"celsius":15}' },
  ],
});
const toolAnswer = 'tools said: get_weather={"celsius":15}; get_time={"output":"noon"}';

// The order of events that the reference prescribes: one block at a time, indices from 0 on.
function checkEvents(events) {
  assert.equal(events[0].type, 'message_start');
  assert.equal(events.at(-1).type, 'message_stop');
  assert.equal(events.at(-2).type, 'message_delta');
  let open = -1;
  let next = 0;
  for (const event of events.slice(1, -2)) {
    if (event.type === 'content_block_start') {
      assert.deepEqual([open, event.index], [-1, next]);
      open = next;
    } else {
      assert.equal(event.index, open);
      if (event.type === 'content_block_stop') [open, next] = [-1, next + 1];
    }
  }
  assert.equal(open, -1);
}

// A request, its answer, and the results: with the message that the client got, unchanged.
async function roundTrip(more, prompt) {
  const messages = say(prompt);
  const first = await client.messages.create({ ...base, ...more, messages, tools });
  assert.equal(first.stop_reason, 'tool_use');
  const calls = callsOf(first);
  checkCalls(calls);
  const second = await client.messages.create({
    ...base,
    ...more,
    messages: [...messages, kept(first), results(calls)],
    tools,
  });
  assert.equal(textOf(second), toolAnswer);
  assert.equal(second.stop_reason, 'end_turn');
  return first;
}

const cases = {
  async models() {
    const ids = [];
    for await (const entry of client.models.list()) {
      assert.equal(entry.type, 'model');
      assert.ok(entry.display_name.length > 0);
      assert.ok(entry.max_input_tokens > 0);
      ids.push(entry.id);
    }
    assert.ok(ids.includes(model), `${model} is listed`);
    assert.equal((await client.models.retrieve(model)).id, model);
    // The SDK asks for page after page by the last id, or the first one on the way back.
    const paged = [];
    for await (const entry of client.models.list({ limit: 3 })) paged.push(entry.id);
    assert.deepEqual(paged, ids);
    const first = await client.models.list({ limit: 3 });
    assert.deepEqual([first.data.length, first.has_more], [3, true]);
    const before = await client.models.list({ limit: 3, before_id: ids.at(-1) });
    assert.deepEqual(before.data.map((entry) => entry.id), ids.slice(-4, -1));
    assert.ok((await rejection(client.models.list({ after_id: 'no-such' }))) instanceof Anthropic.BadRequestError);
    const error = await rejection(client.models.retrieve('no-such-model'));
    assert.ok(error instanceof Anthropic.NotFoundError, error.constructor.name);
  },

  async unary() {
    const { data, response, request_id } = await client.messages
      .create({ ...base, system: 'Be brief.', messages: say('Hello, wörld 🌍') })
      .withResponse();
    checkMessage(data);
    assert.equal(textOf(data), 'echo: Hello, wörld 🌍');
    assert.deepEqual(typesOf(data), ['text']);
    assert.equal(data.stop_reason, 'end_turn');
    assert.match(request_id, /^req_/);
    assert.equal(`req_${response.headers.get('x-request-id')}`, request_id);
  },

  async max_tokens() {
    const answer = await client.messages.create({ ...base, max_tokens: 2, messages: say('many more words') });
    assert.equal(answer.stop_reason, 'max_tokens');
    const nothing = await client.messages.create({ ...base, max_tokens: 0, messages: say('only-cached') });
    assert.deepEqual(nothing.content, []);
    assert.equal(nothing.stop_reason, 'max_tokens');
    if (fakeUrl === '') return;
    const { requests } = await control('GET', '/__fake/requests');
    assert.ok(!requests.some((r) => r.body.includes('only-cached')), 'Gemini was not asked');
  },

  async refusal() {
    for (const fault of ['block=SAFETY', 'finish=PROHIBITED_CONTENT']) {
      const answer = await client.messages.create({ ...base, messages: say(`x [[fake: ${fault}]]`) });
      assert.equal(answer.stop_reason, 'refusal');
      assert.equal(answer.stop_details.type, 'refusal');
    }
  },

  async stream() {
    const stream = await client.messages.create({ ...base, messages: say('count [[fake: chunks=6]]'), stream: true });
    const events = await collect(stream);
    checkEvents(events);
    const text = events.map((e) => (e.type === 'content_block_delta' ? e.delta.text : '')).join('');
    assert.equal(text, 'echo: count #2 #3 #4 #5 #6');
    const { delta, usage } = events.at(-2);
    assert.equal(delta.stop_reason, 'end_turn');
    assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0);
  },

  // The SDK's own assembler, which is stricter than ours.
  async stream_helper() {
    const stream = client.messages.stream({ ...base, messages: say('Grüße 🌍 [[fake: split=every]]') });
    const deltas = [];
    stream.on('text', (delta) => deltas.push(delta));
    const message = await stream.finalMessage();
    checkMessage(message);
    assert.equal(textOf(message), 'echo: Grüße 🌍');
    assert.equal(deltas.join(''), 'echo: Grüße 🌍');
    assert.ok(deltas.length > 1);
  },

  // The upstream sends nothing after its first frame until that frame's text arrived here.
  async stream_is_incremental() {
    if (fakeUrl === '') return;
    const stream = client.messages.stream({
      ...base,
      messages: say('now [[fake: chunks=3 hold=anthropic-incremental@1]]'),
    });
    let released;
    stream.once('text', () => {
      released = control('POST', '/__fake/release?name=anthropic-incremental');
    });
    assert.equal(textOf(await stream.finalMessage()), 'echo: now #2 #3');
    await released;
  },

  async tool_single() {
    const answer = await client.messages.create({ ...base, messages: say('Use get_time.'), tools });
    assert.equal(answer.stop_reason, 'tool_use');
    assert.deepEqual(callsOf(answer).map((c) => c.name), ['get_time']);
    assert.equal(callsOf(answer)[0].caller.type, 'direct');
  },

  async tools_parallel() {
    await roundTrip({}, 'Use get_weather and get_time for Paris.');
    const first = await client.messages.create({
      ...base,
      messages: say('Use get_weather and get_time.'),
      tools,
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    });
    assert.equal(callsOf(first).length, 1);
  },

  async tools_streamed() {
    const messages = say('Use get_weather and get_time for Paris.');
    const variants = [
      [{}, ['redacted_thinking', 'tool_use', 'tool_use']],
      [{ thinking: { type: 'adaptive', display: 'summarized' } }, ['thinking', 'tool_use', 'tool_use']],
    ];
    for (const [more, types] of variants) {
      const ask = (conversation) =>
        client.messages.stream({ ...base, ...more, messages: conversation, tools }).finalMessage();
      const first = await ask(messages);
      assert.equal(first.stop_reason, 'tool_use');
      assert.deepEqual(typesOf(first), types);
      checkCalls(callsOf(first));
      assert.equal(textOf(await ask([...messages, kept(first), results(callsOf(first))])), toolAnswer);
    }
  },

  // Gemini 3 signs its calls: the signature is there again in the next request, and it is not the stand-in.
  async signatures() {
    const variants = {
      'redacted-a': { request: {}, types: ['redacted_thinking', 'tool_use', 'tool_use'] },
      'thinking-b': {
        request: { thinking: { type: 'enabled', budget_tokens: 2048 } },
        types: ['thinking', 'tool_use', 'tool_use'],
      },
      'omitted-c': {
        request: { thinking: { type: 'adaptive', display: 'omitted' } },
        types: ['thinking', 'tool_use', 'tool_use'],
      },
    };
    for (const [mark, { request, types }] of Object.entries(variants)) {
      const first = await roundTrip(request, `Use get_weather and get_time for ${mark}.`);
      assert.deepEqual(typesOf(first), types);
      if (fakeUrl === '') continue;
      const { contents } = await sentBody(mark);
      const [call] = contents[1].parts;
      assert.equal(call.functionCall.name, 'get_weather');
      assert.notEqual(call.thoughtSignature, dummy);
      assert.equal(Buffer.from(call.thoughtSignature, 'base64')[0], 0x12);
    }
  },

  async tool_choice() {
    const ask = (tool_choice) => client.messages.create({ ...base, messages: say('hello'), tools, tool_choice });
    assert.equal(callsOf(await ask({ type: 'any' })).length, 1);
    assert.equal(callsOf(await ask({ type: 'tool', name: 'get_time' }))[0].name, 'get_time');
    assert.equal(callsOf(await ask({ type: 'none' })).length, 0);
  },

  async tool_errors_out_of_order() {
    const messages = say('Use get_weather and get_time for Rome.');
    const first = await client.messages.create({ ...base, messages, tools });
    const calls = callsOf(first);
    const second = await client.messages.create({
      ...base,
      messages: [...messages, kept(first), results(calls, { is_error: true })],
      tools,
    });
    assert.equal(textOf(second), 'tools said: get_weather={"celsius":15}; get_time={"error":"noon"}');
  },

  async images_and_pdf() {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } };
    const document = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: pdf } };
    const plain = await client.messages.create({ ...base, messages: say('see') });
    const answer = await client.messages.create({
      ...base,
      messages: say([image, document, { type: 'text', text: 'see' }]),
    });
    assert.equal(textOf(answer), 'echo: see');
    assert.ok(answer.usage.input_tokens > plain.usage.input_tokens + 500, 'Gemini saw both');
    const first = await client.messages.create({ ...base, messages: say('Use get_time.'), tools });
    const second = await client.messages.create({
      ...base,
      messages: [
        ...say('Use get_time.'),
        kept(first),
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: callsOf(first)[0].id, content: [image] }],
        },
      ],
      tools,
    });
    assert.match(textOf(second), /^tools said: get_time=/);
  },

  async structured_output() {
    const schema = {
      type: 'object',
      properties: { city: { type: 'string' }, count: { type: 'integer' } },
      required: ['city', 'count'],
      additionalProperties: false,
    };
    const answer = await client.messages.create({
      ...base,
      messages: say('Paris'),
      output_config: { format: { type: 'json_schema', schema } },
    });
    const value = JSON.parse(textOf(answer));
    assert.equal(typeof value.city, 'string');
    assert.ok(Number.isInteger(value.count));
  },

  async thinking() {
    const thinking = { type: 'enabled', budget_tokens: 2048 };
    const answer = await client.messages.create({ ...base, thinking, messages: say('hm') });
    assert.deepEqual(typesOf(answer), ['thinking', 'text']);
    assert.ok(answer.content[0].thinking.length > 0);
    assert.ok(answer.content[0].signature.length > 0);
    assert.ok(answer.usage.output_tokens_details.thinking_tokens > 0);
    const streamed = await client.messages.stream({ ...base, thinking, messages: say('hm') }).finalMessage();
    assert.equal(streamed.content[0].thinking, answer.content[0].thinking);
    const next = await client.messages.create({
      ...base,
      thinking,
      messages: [...say('hm'), kept(answer), ...say('again')],
    });
    assert.equal(textOf(next), 'echo: again');
  },

  async count_tokens() {
    const count = (more) => client.messages.countTokens({ model, messages: say('count me'), ...more });
    const plain = (await count({})).input_tokens;
    assert.ok(plain > 0);
    assert.ok((await count({ system: 'A rather long instruction.' })).input_tokens > plain);
    assert.ok((await count({ tools })).input_tokens > plain + 20);
    const { data, response } = await makeClient('test-key-overloaded')
      .messages.countTokens({ model, messages: say('count me') })
      .withResponse();
    assert.ok(data.input_tokens > 0);
    assert.equal(response.headers.get('x-gemini-code-estimate'), 'true');
    const error = await rejection(makeClient('test-key-invalid').messages.countTokens({ model, messages: say('x') }));
    assert.ok(error instanceof Anthropic.AuthenticationError, error.constructor.name);
  },

  async errors() {
    const byKey = {
      invalid: [Anthropic.AuthenticationError, 401, 'authentication_error'],
      location: [Anthropic.PermissionDeniedError, 403, 'permission_error'],
      retired: [Anthropic.NotFoundError, 404, 'not_found_error'],
      payload: [Anthropic.APIError, 413, 'request_too_large'],
      rpm: [Anthropic.RateLimitError, 429, 'rate_limit_error'],
      rpd: [Anthropic.RateLimitError, 429, 'rate_limit_error'],
      internal: [Anthropic.InternalServerError, 500, 'api_error'],
      deadline: [Anthropic.InternalServerError, 504, 'timeout_error'],
      overloaded: [Anthropic.InternalServerError, 529, 'overloaded_error'],
      context: [Anthropic.BadRequestError, 400, 'invalid_request_error'],
    };
    for (const [name, [kind, status, type]] of Object.entries(byKey)) {
      for (const stream of [false, true]) {
        const key = `test-key-${name}`;
        const error = await rejection(makeClient(key).messages.create({ ...base, messages: say('hi'), stream }));
        const seen = `${name}: ${error.constructor.name} ${error.status} ${error.message}`;
        assert.ok(error instanceof kind, seen);
        assert.equal(error.status, status, seen);
        assert.equal(error.error.error.type, type, seen);
        assert.match(error.requestID, /^req_/, seen);
        assert.equal(error.error.request_id, error.requestID, seen);
        assert.ok(!error.message.includes(key), 'the key is not repeated');
        if (name === 'context') {
          assert.equal(error.error.error.message, 'prompt is too long: 2097153 tokens > 1048576 maximum');
        }
        if (name === 'rpm') assert.ok(Number(error.headers.get('retry-after')) > 0, seen);
      }
    }
    const error = await rejection(client.messages.create({ ...base, messages: [] }));
    assert.ok(error instanceof Anthropic.BadRequestError);
    assert.match(error.message, /messages: /);
  },

  async error_midstream() {
    for (const fault of ['error_after=2', 'cut_after=2', 'reset=2', 'eof_without_finish', 'bad_json=3']) {
      const stream = client.messages.stream({ ...base, messages: say(`x [[fake: chunks=4 ${fault}]]`) });
      let text = '';
      stream.on('text', (delta) => {
        text += delta;
      });
      const error = await rejection(stream.finalMessage());
      assert.ok(error instanceof Anthropic.AnthropicError, `${fault}: ${error.constructor.name}`);
      assert.ok(text.startsWith('echo: x #2'), `${fault}: what came before the fault arrived`);
    }
  },

  async abort_midstream() {
    const tag = `anthropic-abort-${process.pid}`;
    const stream = await client.messages.create({
      ...base,
      messages: say(`x [[fake: chunks=50 hold=never@3 tag=${tag}]]`),
      stream: true,
    });
    for await (const event of stream) {
      if (event.type === 'content_block_delta') stream.controller.abort();
    }
    if (fakeUrl === '') return;
    await control('GET', `/__fake/wait?type=client_closed&tag=${tag}&timeout_ms=10000`);
  },

  // What Claude Code sends: the beta path, a billing header, instructions inside the conversation, tools that are found
  // later, results out of order with an image, thinking that is not shown, and much room for the answer.
  async claude_code() {
    const read = tool('Read', { file_path: { type: 'string' } });
    const later = (name) => ({ ...tool(name, { url: { type: 'string', format: 'uri' } }), defer_loading: true });
    const request = {
      model,
      max_tokens: 32000,
      thinking: { type: 'adaptive', display: 'omitted' },
      output_config: { effort: 'medium' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      metadata: { user_id: '{"device_id":"d","session_id":"s"}' },
      system: [
        { type: 'text', text: 'x-anthropic-billing-header: cc_version=2.1.330; cch=0;' },
        { type: 'text', text: 'You are a coding agent.', cache_control: { type: 'ephemeral' } },
      ],
      tools: [
        { ...read, eager_input_streaming: true },
        tool('ToolSearch', { query: { type: 'string' } }),
        later('WebFetch'),
        later('CronList'),
      ],
      betas: ['interleaved-thinking-2025-05-14', 'context-management-2025-06-27'],
      stream: true,
    };
    const messages = [
      { role: 'user', content: [{ type: 'text', text: 'Please Read and use ToolSearch in claude-code-case.' }] },
      { role: 'system', content: 'The environment: claude-code-env' },
    ];
    const ask = (conversation) => client.beta.messages.stream({ ...request, messages: conversation }).finalMessage();
    const first = await ask(messages);
    assert.equal(first.stop_reason, 'tool_use');
    const calls = callsOf(first);
    assert.deepEqual(calls.map((c) => c.name), ['Read', 'ToolSearch']);
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } };
    const conversation = [
      ...messages,
      kept(first),
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: calls[1].id,
            content: [{ type: 'tool_reference', tool_name: 'WebFetch' }],
          },
          {
            type: 'tool_result',
            tool_use_id: calls[0].id,
            is_error: true,
            content: [{ type: 'text', text: 'no such file' }, image],
          },
        ],
      },
      { role: 'system', content: 'Remember the task.' },
    ];
    const second = await ask(conversation);
    const found = 'The tool WebFetch is available now.';
    assert.equal(textOf(second), `tools said: Read={"error":"no such file"}; ToolSearch={"output":"${found}"}`);
    if (fakeUrl !== '') {
      const sent = await sentBody('Remember the task.');
      assert.deepEqual(sent.systemInstruction.parts, [{ text: 'You are a coding agent.' }]);
      const declared = sent.tools[0].functionDeclarations.map((f) => f.name);
      assert.deepEqual(declared, ['Read', 'ToolSearch', 'WebFetch']);
      assert.equal(sent.contents[0].parts[1].text, 'System: The environment: claude-code-env');
      assert.notEqual(sent.contents[1].parts[0].thoughtSignature, dummy);
      const [result, , reminder] = sent.contents[2].parts;
      assert.equal(result.functionResponse.parts[0].inlineData.data, png);
      assert.equal(reminder.text, 'System: Remember the task.');
      assert.equal(sent.generationConfig.thinkingConfig.thinkingLevel, 'medium');
    }
    const search = await client.beta.messages.create({
      model,
      max_tokens: 32000,
      messages: say('search for cheese'),
      tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 8 }],
      tool_choice: { type: 'auto' },
    });
    assert.equal(textOf(search), 'echo: search for cheese');
    const counted = await client.beta.messages.countTokens({ model, messages: say('foo'), tools: [read] });
    assert.ok(counted.input_tokens > 0);
  },
};

await runCases(cases);
