import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test, test } from 'tap';
import { measureLatency } from '../../bench/constant-rate.ts';
import type { Contender } from '../../bench/contender.ts';
import { contenders } from '../../bench/contenders/index.ts';
import { checkCorrectness } from '../../bench/correctness.ts';
import { programVersion } from '../../bench/versions.ts';
import { smallAnswer } from '../../bench/workloads.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { root } from '../tools/source-files.ts';

// Side by side: each test has folders and processes of its own, and waits much of the time.
t.jobs = 2;

const tools = ['wrk', 'nginx', 'taskset'].filter((tool) => 'missing' in programVersion(tool, ['-v'], /(\d\S*)/));

type Lie = 'none' | 'short-body' | 'status' | 'no-forwarded-for' | 'drops-field' | 'closes' | 'one-upstream' | 'new-connections';

/** A small proxy in this process; it does one thing wrong, named by `lie`. */
function liar(lie: Lie): Contender {
  return {
    name: 'liar',
    logs: false,
    secures: false,
    available: () => ({ version: '1' }),
    async start({ upstreams }) {
      const agent = new http.Agent({ keepAlive: lie !== 'new-connections', maxSockets: 1 });
      let turn = 0;
      const server = http.createServer((request, response) => {
        const { host: _host, ...headers } = request.headers;
        if (lie !== 'no-forwarded-for') headers['x-forwarded-for'] = '127.0.0.1';
        if (lie === 'drops-field') delete headers['cookie'];
        const port = upstreams[lie === 'one-upstream' ? 0 : turn++ % upstreams.length] as number;
        const options = { host: '127.0.0.1', port, method: request.method, path: request.url, headers, agent };
        const asked = http.request(options, (answer) => {
          const short = lie === 'short-body' && request.url === '/1m';
          const given = { ...answer.headers, ...(short && { 'content-length': '1000' }), ...(lie === 'closes' && { connection: 'close' }) };
          response.writeHead(lie === 'status' ? 200 : (answer.statusCode ?? 0), given);
          if (short) {
            answer.resume();
            response.end(Buffer.alloc(1000));
          } else {
            answer.pipe(response);
          }
        });
        request.pipe(asked);
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const stop = async () => {
        agent.destroy();
        server.close();
        server.closeAllConnections();
      };
      return { port: (server.address() as AddressInfo).port, processes: [], stop };
    },
  };
}

const wrongs: readonly [Lie, RegExp][] = [
  ['short-body', /"response bodies arrive whole" does not hold: \/1m: got 1000 octets/],
  ['status', /"statuses pass unchanged" does not hold/],
  ['no-forwarded-for', /"X-Forwarded-For names the client" does not hold/],
  ['drops-field', /"header fields arrive" does not hold: Cookie/],
  ['closes', /"connections are kept .*: 40 requests used \d+ client connections/],
  ['one-upstream', /"connections are kept .*: 40 requests reached 1 of 3 upstreams/],
  ['new-connections', /"connections are kept .*: 40 requests used \d+ upstream connections/],
];

test('a correct contender passes the check, and each fault is found', async (t) => {
  const place = { folder: ownFolder(t), cpu: undefined };
  await checkCorrectness(liar('none'), place);
  for (const [lie, message] of wrongs) await t.rejects(checkCorrectness(liar(lie), place), { message }, lie);
});

for (const name of ['http-proxy', 'fastify-http-proxy', 'sluice-balancer', 'sluice-gateway', 'sluice-embedded']) {
  test(`${name} is correct`, async (t) => {
    const contender = contenders.find((one) => one.name === name) as Contender;
    t.match(contender.available(), { version: /^\d/ });
    const folder = ownFolder(t);
    await checkCorrectness(contender, { folder, cpu: undefined });
    t.strictSame(processesIn(folder), [], 'its processes have ended');
  });
}

test('the command runs from check to report, and leaves nothing behind', {
  skip: tools.length > 0 && `${tools[0]} is missing`,
}, async (t) => {
  const folder = ownFolder(t, { tmp: {} });
  const output = join(folder, 'results.md');
  const { status, said } = await run(t, folder, ['--quick', '--only', 'sluice-balancer', '--output', output]);
  t.equal(status, 0, said);
  const page = readFileSync(output, 'utf8');
  t.match(page, /^- sluice-balancer \d\S+ on Node\.js v\d/m);
  const cells = /^\| sluice-balancer \|(( [\d.]+ \|){7})$/m.exec(page)?.[1]?.split('|').slice(0, 7).map(Number) ?? [];
  t.equal(cells.length, 7, page);
  for (const cell of cells) t.ok(cell > 1 && cell < 100_000, `${cell} µs`);
  t.match(page, /^\| sluice-balancer \|( [\d.]+ \|){5}$/m, 'over TLS');
  t.match(page, /^\| sluice-balancer \| [\d.]+ MiB \| [\d.]+ MiB \| 200 \|/m, 'memory');
  t.match(page, /^\| sluice-balancer \| [\d.]+ MiB \| [\d.]+ MiB \| 100 \|/m, 'memory of clients with TLS');
  t.match(page, /^\| memory of an idle balancer \| [\d.]+ MiB \| ≤ 80 \| (met|\*\*not met\*\*) \|$/m);
  t.match(page, /^\| first load after a start, small GET \| [\d.]+ × the warm price \| ≤ 1.2 \|/m);
  t.match(page, /^\| sluice-balancer \| [\d.]+ \| [\d.]+ \| [\d.]+ \|$/m, 'the first requests');
  t.strictSame(processesIn(folder), []);
  t.strictSame(foldersLeft(folder), []);
});

test('an interrupted command ends all its processes, and keeps the report of the rounds that are done', {
  skip: tools.length > 0 && `${tools[0]} is missing`,
}, async (t) => {
  const folder = ownFolder(t, { tmp: {} });
  const output = join(folder, 'results.md');
  const words = ['--quick', '--rounds', '2', '--only', 'sluice-balancer', '--measure', 'small', '--output', output];
  const { status, said } = await run(t, folder, words, /^round 1 is saved/m);
  t.equal(status, 1);
  t.match(said, /^This takes about \d+0 s\. The results are saved after each of 2 rounds\.$/m);
  const page = readFileSync(output, 'utf8');
  t.match(page, /^\*\*Stopped after 1 of 2 rounds\*\*/m);
  t.match(page, /^\| sluice-balancer \| [\d.]+ \|( – \|){6}$/m);
  t.strictSame(processesIn(folder), []);
  t.strictSame(foldersLeft(folder), []);
});

test('a constant rate counts from the time at which a request was due', async (t) => {
  const held: (() => void)[] = [];
  let seen = 0;
  // Holds back all answers for 1.2 s, once there were requests for a second and a half: each of the 64 connections then waits for one.
  const server = http.createServer((_request, response) => {
    const answer = () => void response.end(smallAnswer);
    if (++seen < 1500 || seen > 1563) answer();
    else if (held.push(answer) === 64)
      setTimeout(() => {
        for (const each of held) each();
      }, 1200);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const load = { folder: ownFolder(t), cpu: 0, seconds: 2 };
  const latency = await measureLatency(port, 1000, load);
  t.ok(latency.p50 > 50, `${latency.p50} ms: most of the 2,000 requests were due while no answer came`);
  t.ok(latency.p99 > 900, `${latency.p99} ms`);
  t.ok(latency.waited > 0.5, `${latency.waited}: each was due while all connections waited`);
  t.not(latency.realTime, 'this process is not one of the carriers');
  server.removeAllListeners('request').on('request', (_request, response) => response.writeHead(503).end());
  await t.rejects(measureLatency(port, 1000, load), { message: /not the answer: HTTP\/1.1 503/ });
});

test('wrong options and missing tools are reported in one line', async (t) => {
  const folder = ownFolder(t, { tmp: {} });
  const unknown = await run(t, folder, ['--only', 'apache']);
  t.match(unknown, { status: 1, said: 'there is no contender "apache"; known: haproxy, ' });
  const unmeasured = await run(t, folder, ['--measure', 'small,speed']);
  t.match(unmeasured, { status: 1, said: 'there is no measurement "speed"; known: small, ' });
  const unpinned = await run(t, folder, ['--quick', '--node', '21']);
  t.match(unpinned, { status: 1, said: tools.length > 0 ? 'is not on PATH' : 'there is no pinned Node.js 21' });
  if (tools.length > 0)
    t.match(
      await run(t, folder, ['--quick']),
      { status: 1, said: `${tools[0]} is not on PATH` },
      'this machine lacks tools of the other tests',
    );
  t.match(await run(t, folder, ['--help']), { status: 0 });
});

/** Runs the command, with `folder/tmp` for its temporary files, and interrupts it when its output matches `until`. */
async function run(t: Test, folder: string, words: readonly string[], until?: RegExp): Promise<{ status: number; said: string }> {
  const command = ['--import=tsx', fileURLToPath(new URL('bench/run.ts', root)), ...words];
  const child = spawn(process.execPath, command, {
    cwd: fileURLToPath(root),
    env: { ...process.env, TMPDIR: join(folder, 'tmp') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  let interrupted = false;
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece;
    if (interrupted || until === undefined || !until.test(said)) return;
    interrupted = true;
    t.ok(processesIn(folder).length > 0, 'it has started processes');
    child.kill('SIGINT');
  });
  const [status] = await once(child, 'close');
  return { status, said };
}

/** Lists the temporary folders that the command has left behind. */
function foldersLeft(folder: string): string[] {
  return readdirSync(join(folder, 'tmp')).filter((name) => name.startsWith('sluice-'));
}

/** Lists the processes whose working directory is in a folder. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && existsSync(`/proc/${entry}/cwd`))
    .filter((entry) => {
      try {
        return readlinkSync(`/proc/${entry}/cwd`).startsWith(folder);
      } catch {
        return false;
      }
    });
}
