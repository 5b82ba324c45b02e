import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import http, { type Agent, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Contender, Place } from './contender.ts';
import { bodies, entityTag, Origins, pattern } from './origins.ts';
import { workloads } from './workloads.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Port of the client, which identifies its connection. */
  readonly localPort: number | undefined;
}

type Ask = (
  method: string,
  path: string,
  extra?: { headers?: Readonly<Record<string, string>>; body?: Buffer; chunked?: boolean },
) => Promise<Answer>;

/** Checks that a contender must pass to be measured, by the claim that each one tests. */
const checks: Readonly<Record<string, (ask: Ask, origins: Origins) => Promise<void>>> = {
  async 'response bodies arrive whole'(ask) {
    for (const [path, body] of Object.entries(bodies)) {
      const answer = await ask('GET', path);
      assert.equal(answer.status, 200);
      assert.ok(answer.body.equals(body), `${path}: got ${answer.body.length} octets, which are not the ${body.length} octets sent`);
    }
  },
  async 'statuses pass unchanged'(ask) {
    for (const status of [201, 404, 410, 429, 503]) assert.equal((await ask('GET', `/status/${status}`)).status, status);
  },
  async 'request bodies arrive whole'(ask) {
    const body = pattern(16_384);
    assert.ok((await ask('POST', '/echo', { body })).body.equals(body), 'with Content-Length');
    assert.ok((await ask('POST', '/echo', { body, chunked: true })).body.equals(body), 'chunked');
  },
  async 'HEAD and 304 have no body, and the next answer on the connection is right'(ask) {
    const head = await ask('HEAD', '/16k');
    assert.equal(head.headers['content-length'], '16384');
    assert.equal(head.body.length, 0);
    const unchanged = await ask('GET', '/cached', { headers: { 'if-none-match': entityTag } });
    assert.equal(unchanged.status, 304);
    assert.equal(unchanged.headers.etag, entityTag);
    assert.equal((await ask('GET', '/16k')).body.length, 16_384);
  },
  async 'header fields arrive'(ask, origins) {
    const { headers } = workloads.find(({ name }) => name === 'headers') as (typeof workloads)[number];
    const answer = await ask('GET', '/seen', { headers });
    for (const [name, value] of Object.entries(headers)) {
      if (name !== 'Connection') assert.equal(origins.seen[name.toLowerCase()], value, name);
    }
    assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  },
  async 'X-Forwarded-For names the client'(ask, origins) {
    await ask('GET', '/seen');
    assert.match(String(origins.seen['x-forwarded-for']), /^(::ffff:)?127\.0\.0\.1(, 127\.0\.0\.1)?$/);
  },
  async 'connections are kept alive on both sides, and every upstream gets requests'(ask, origins) {
    origins.connections.clear();
    const ports = new Set<number | undefined>();
    for (let round = 0; round < 40; round++) ports.add((await ask('GET', '/seen')).localPort);
    assert.equal(ports.size, 1, `40 requests used ${ports.size} client connections instead of 1`);
    assert.equal(origins.reached.size, 3, `40 requests reached ${origins.reached.size} of 3 upstreams`);
    assert.ok(origins.connections.size <= 6, `40 requests used ${origins.connections.size} upstream connections; at most 6 are allowed`);
  },
};

/** Starts a contender before the checking {@link Origins}. Rejects with the first claim that does not hold. */
export async function checkCorrectness(contender: Contender, place: Place): Promise<void> {
  const origins = new Origins();
  const { certificate } = place;
  const kept = { keepAlive: true, maxSockets: 1 };
  const agent =
    certificate === undefined
      ? new http.Agent(kept)
      : new https.Agent({ ...kept, ca: readFileSync(certificate.certificate), minVersion: 'TLSv1.3' });
  try {
    const running = await contender.start({ ...place, upstreams: await origins.start(), accessLog: false });
    try {
      for (const [claim, check] of Object.entries(checks)) {
        await check(asker(running.port, agent), origins).catch((error: unknown) => {
          throw new Error(
            `${contender.name}${certificate === undefined ? '' : ' with TLS'} is not correct: "${claim}" does not hold: ${(error as Error).message}`,
            { cause: error },
          );
        });
      }
    } finally {
      agent.destroy();
      await running.stop();
    }
  } finally {
    origins.stop();
  }
}

function asker(port: number, agent: Agent | https.Agent): Ask {
  const { request } = agent instanceof https.Agent ? https : http;
  return (method, path, { headers = {}, body, chunked = false } = {}) =>
    new Promise((resolve, reject) => {
      const length = body === undefined || chunked ? {} : { 'content-length': String(body.length) };
      const outgoing = request({ host: '127.0.0.1', port, method, path, agent, headers: { ...headers, ...length }, timeout: 5000 });
      outgoing.on('error', reject).on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer within 5 s`)));
      outgoing.on('response', (response) => {
        const { localPort } = response.socket;
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces), localPort });
        });
      });
      if (body && chunked) outgoing.write(body.subarray(0, 5000));
      outgoing.end(body && chunked ? body.subarray(5000) : body);
    });
}
