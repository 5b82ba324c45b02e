import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { type ProbeResult, probe } from '../../src/health/probe.ts';
import { systemClock } from '../../src/model/clock.ts';
import { localHeader } from '../../src/model/proxy-protocol.ts';
import { listening } from '../tools/listening.ts';

for (const version of ['v1', 'v2'] as const)
  t.test(`${version}: a check begins with the header of a connection of the balancer itself`, async (t) => {
    const preface = localHeader(version);
    const server = createServer();
    const address = await listening(t, server);
    const result = new Promise<ProbeResult>((resolve) => {
      probe({ address, path: '/', timeout: 5000, expect: '200', preface }, systemClock, resolve);
    });
    const [socket] = await once(server, 'connection');
    let seen = Buffer.alloc(0);
    for await (const piece of socket) {
      seen = Buffer.concat([seen, piece]);
      if (seen.includes('\r\n\r\n', preface.length)) break;
    }
    t.strictSame(seen.subarray(0, preface.length), preface);
    t.ok(seen.subarray(preface.length).toString().startsWith('GET / HTTP/1.1\r\n'));
    t.notOk((await result).passed);
  });
