import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs';
import handleConfig from 'http-cache-tests/server/handle-config.mjs';
import handleState from 'http-cache-tests/server/handle-state.mjs';
import handleTest from 'http-cache-tests/server/handle-test.mjs';
import suites from 'http-cache-tests/tests/index.mjs';
import t from 'tap';
import { systemClock } from '../../src/model/clock.ts';
import { served } from '../gateway/served.ts';
import table from './cache-conformance.json' with { type: 'json' };

/** The part of `fetch` that the tests use. That of Node.js adds fields to requests. */
function plainFetch(
  url: string,
  { method = 'GET', headers = [], body }: { method?: string; headers?: [string, string][]; body?: string } = {},
) {
  const lines: Record<string, string[]> = body === undefined ? {} : { 'content-length': [String(Buffer.byteLength(body))] };
  for (const [name, value] of headers) lines[name.toLowerCase()] = [...(lines[name.toLowerCase()] ?? []), value];
  return new Promise((resolve, reject) => {
    request(url, { method, headers: lines }, (response: IncomingMessage) => {
      const received = text(response);
      received.catch(() => {});
      const pairs = response.rawHeaders.flatMap((name, at) =>
        at % 2 === 0 ? [[name, response.rawHeaders[at + 1] ?? ''] as [string, string]] : [],
      );
      resolve({ status: response.statusCode, statusText: response.statusMessage, headers: new Headers(pairs), text: () => received });
    })
      .on('error', reject)
      .end(body);
  });
}

t.test('the cache passes the tests of cache-tests.fyi that the table names', async (t) => {
  const handlers = { config: handleConfig, state: handleState, test: handleTest };
  t.capture(console, 'log');
  const target = (request: IncomingMessage, response: ServerResponse) => {
    const [, name = '', ...rest] = new URL(request.url ?? '/', 'http://target').pathname.split('/');
    handlers[name as keyof typeof handlers]?.(rest, request, response);
  };
  const gateway = await served(t, { policies: { proxyRequest: [{ cache: {} }] } as never }, target, { clock: systemClock });
  await runTests(suites, plainFetch, false, `http://${gateway.address}`, 1000);
  const results = getResults();
  const tests = suites.flatMap((suite) => suite.tests).filter((test) => test.browser_only !== true);
  for (const wanted of ['required', 'optimal'] as const) {
    const those = tests.filter(({ kind = 'required' }) => kind === wanted);
    const failed = those.filter(({ id }) => results[id] !== true).map(({ id }) => id);
    const { of, passed, others } = table[wanted];
    t.strictSame([those.length, those.length - failed.length], [of, passed], wanted);
    t.strictSame(failed.sort(), Object.values(others).flat().sort(), wanted);
  }
  t.ok(table.required.passed >= 0.95 * table.required.of);
  t.ok(table.optimal.passed >= 0.79 * table.optimal.of);
});
