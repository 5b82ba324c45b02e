import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test, test } from 'tap';
import type { Contender } from '../../bench/contender.ts';
import { contenders } from '../../bench/contenders/index.ts';
import { checkCorrectness } from '../../bench/correctness.ts';
import { programVersion } from '../../bench/versions.ts';
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

for (const name of ['http-proxy', 'fastify-http-proxy', 'sluice-balancer', 'sluice-gateway']) {
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
  const cells = /^\| sluice-balancer \|(( [\d.]+ \|){6})$/m.exec(page)?.[1]?.split('|').slice(0, 6).map(Number) ?? [];
  t.equal(cells.length, 6, page);
  for (const cell of cells) t.ok(cell > 1 && cell < 100_000, `${cell} µs`);
  t.match(page, /^\| sluice-balancer \|( [\d.]+ \|){5}$/m, 'over TLS');
  t.match(page, /^\| sluice-balancer \| 200 \| [\d.]+ MiB \|/m, 'memory');
  t.match(page, /^\| sluice-balancer \| 100 \| [\d.]+ MiB \|/m, 'memory of clients with TLS');
  t.strictSame(processesIn(folder), []);
  t.strictSame(foldersLeft(folder), []);
});

test('an interrupted command ends all its processes', { skip: tools.length > 0 && `${tools[0]} is missing` }, async (t) => {
  const folder = ownFolder(t, { tmp: {} });
  const { status } = await run(t, folder, ['--quick', '--only', 'sluice-balancer'], /^round 1/m);
  t.equal(status, 1);
  t.strictSame(processesIn(folder), []);
  t.strictSame(foldersLeft(folder), []);
});

test('wrong options and missing tools are reported in one line', async (t) => {
  const folder = ownFolder(t, { tmp: {} });
  const unknown = await run(t, folder, ['--only', 'apache']);
  t.match(unknown, { status: 1, said: 'there is no contender "apache"; known: haproxy, ' });
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
