import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { pause } from '../test/tools/pause.ts';
import { makeCertificate } from './certificate.ts';
import type { Contender } from './contender.ts';
import { haproxy } from './contenders/haproxy.ts';
import { sluiceBalancer } from './contenders/sluice-balancer.ts';
import { startUpstreams } from './nginx-upstreams.ts';
import { Launched, stopAll } from './processes.ts';

/** Clients that make one full handshake after another. */
const flooders = 400;
const seconds = 5;
/** Milliseconds between two requests on the established connection. */
const everyMs = 5;

/** Latencies in milliseconds, ascending. */
type Latencies = readonly number[];

/**
 * Measures how long requests on an established TLS connection take while others flood the listener with full handshakes. Contender on
 * processor 0; flood, upstreams and this process on processor 1, so that its own delays are in the figures: compare them with HAProxy's.
 */
async function measureFlood(contender: Contender, folder: string, upstreams: readonly number[]) {
  mkdirSync(folder);
  const certificate = makeCertificate(folder);
  const running = await contender.start({ folder, cpu: 0, upstreams, accessLog: false, certificate });
  const socket = connect({ host: '127.0.0.1', port: running.port, servername: 'localhost', rejectUnauthorized: false });
  await once(socket.setNoDelay(true), 'secureConnect');
  const url = `https://127.0.0.1:${running.port}/`;
  const flood = (length: number) => {
    const words = ['-t1', `-c${flooders}`, `-d${length}s`, '-H', 'Connection: close', url];
    return new Launched('wrk', words, { folder, cpu: 1 });
  };
  // Warms up.
  await flood(3).ended(20_000);
  const quiet = await latencies(socket);
  const others = flood(seconds + 3);
  await pause(1000);
  const flooded = await latencies(socket);
  const said = await others.ended(20_000);
  const handshakes = /Requests\/sec:\s*([\d.]+)/.exec(said)?.[1];
  // Handshakes that the contender ends are among them: they make a flood look smaller than it is.
  const errors = (/Socket errors:.*/.exec(said)?.[0].match(/\d+/g) ?? []).reduce((sum, count) => sum + Number(count), 0);
  socket.destroy();
  await running.stop();
  return { quiet, flooded, handshakes: Math.round(Number(handshakes)), errors };
}

async function latencies(socket: TLSSocket): Promise<Latencies> {
  const measured: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const begun = performance.now();
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    measured.push(performance.now() - begun);
    await pause(everyMs);
  }
  return measured.sort((one, other) => one - other);
}

function cells(sorted: Latencies): string {
  return [0.5, 0.99, 1].map((part) => (sorted[Math.ceil(sorted.length * part) - 1] ?? 0).toFixed(1)).join(' | ');
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-flood-'));
try {
  const upstreams = await startUpstreams(join(folder, 'upstreams'), 1);
  process.stdout.write(`Milliseconds of a request on an established TLS connection, without and with ${flooders} clients that make full handshakes.

| | p50 | p99 | most | flooded: p50 | p99 | most | handshakes a second | connections that failed |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
`);
  for (const contender of [haproxy, sluiceBalancer]) {
    const found = contender.available();
    if ('missing' in found) process.stdout.write(`| ${contender.name}: ${found.missing} |\n`);
    else {
      const { quiet, flooded, handshakes, errors } = await measureFlood(contender, join(folder, contender.name), upstreams.ports);
      process.stdout.write(`| ${contender.name} | ${cells(quiet)} | ${cells(flooded)} | ${handshakes} | ${errors} |\n`);
    }
  }
} finally {
  await stopAll();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
