import { once } from 'node:events';
import { test } from 'tap';
import { WebSocket } from 'ws';
import type { FeedMessage } from '../../src/api/feed-messages.ts';
import { topRows } from '../../src/cli/top/top-rows.ts';
import { TopState } from '../../src/cli/top/top-state.ts';
import { maxReaders } from '../../src/control/feed/feed.ts';
import type { LiveServer } from '../../src/model/live.ts';
import { type ControlUnderTest, controlUnderTest, joinRequest, liveServer, tokens } from '../control/control-under-test.ts';
import { operatorEnv, run } from './command-line.ts';
import { Screen } from './screen.ts';
import { TerminalUnderTest } from './terminal-under-test.ts';

/** Registers two servers in production, one of them down, and an available server. */
async function someServers(under: ControlUnderTest): Promise<void> {
  const { registry, live } = under;
  await registry.putEnvironment('production', {});
  for (const id of ['gateway-1', 'gateway-2']) {
    await registry.join(joinRequest(id, 'production'));
    const { epoch, version, hash } = await registry.snapshot('production');
    await registry.renew({ id, instance: `${id}-1`, projects: [], running: { epoch, version, hash } });
  }
  await registry.join(joinRequest('spare'));
  live.push(liveServer('gateway-1', 'production'), liveServer('gateway-2', 'production', { health: 'down', reason: 'connect refused' }));
}

/** Returns a function that reads the current screen of a terminal with surfaces. */
function watch(terminal: TerminalUnderTest, columns: number, rows: number) {
  const screen = new Screen(columns, rows);
  let seenUpTo = 0;
  return () => {
    screen.write(terminal.drawn.slice(seenUpTo));
    seenUpTo = terminal.drawn.length;
    return screen;
  };
}

test('in a pipe it prints the requested number of tables', async (t) => {
  const under = await controlUnderTest(t);
  await someServers(under);
  const env = operatorEnv(under.control);
  const { status, out, err } = await run(['top', '-n', '2'], { env });
  t.equal(status, 0, err);
  t.equal(err, '');
  const tables = out.split('\n\n');
  t.equal(tables.length, 2);
  const head =
    /^sluice top {2}http:\/\/127\.0\.0\.1:\d+ {2}\d\d:\d\d:\d\d\nNAME +REQ\/S +ERRORS +P50 +P99 +IN FLIGHT +SHARE +RUNNING +STATUS\n/;
  for (const table of tables) t.match(table, head);
  const rows =
    /\nproduction +0 +- +- +- +0 +v0 +1 of 2 up\n {2}gateway-1 .* up\n {2}gateway-2 .* down: connect refused\navailable\n {2}spare +available/;
  for (const table of tables) t.match(table, rows);
  const json = await run(['top', '--once', '--json', '-e', 'production'], { env });
  const { environments, available } = JSON.parse(json.out);
  t.match(environments, [
    {
      name: 'production',
      wanted: 0,
      requests: 0,
      servers: [
        { id: 'gateway-1', status: 'up', version: 0 },
        { id: 'gateway-2', status: 'down', reason: 'connect refused' },
      ],
    },
  ]);
  t.strictSame(available, []);
  t.notMatch(out, tokens.admin);
});

test('faults of the command line are reported before anything is drawn', async (t) => {
  const under = await controlUnderTest(t);
  await under.registry.putEnvironment('production', {});
  const env = operatorEnv(under.control);
  const fail = async (...words: string[]) => {
    const terminal = new TerminalUnderTest({ columns: 80, rows: 24, env });
    const { status, err } = await run(['top', ...words], { terminal });
    t.equal(terminal.drawn, '');
    t.ok(terminal.released);
    return { status, err };
  };
  t.match(await fail('-e', 'prodution'), { status: 1, err: /there is no environment "prodution".*did you mean "production"\?/ });
  t.match(await fail('--token', 'wrong'), { status: 1, err: /refused the token given as --token/ });
  t.match(await fail('--sort', 'size'), { status: 2, err: /Allowed choices are name, requests, errors, latency, active/ });
  t.match(await fail('-n', '0'), { status: 2, err: /whole number from 1 to 999999/ });
});

test('on a terminal it redraws in place until q, then restores the terminal', async (t) => {
  const under = await controlUnderTest(t);
  await someServers(under);
  const terminal = new TerminalUnderTest({ columns: 80, rows: 12, env: operatorEnv(under.control) });
  const look = watch(terminal, 80, 12);
  const running = run(['top'], { terminal });
  await terminal.until(() => /gateway-2/.test(look().text));
  const screen = look();
  t.ok(screen.alternate);
  t.notOk(screen.cursorShown);
  t.match(screen.lines.at(-1), /^q quit {3}sort by {2}n name/);
  t.equal(screen.lines.length, 12);
  t.equal(screen.overflows, 0);
  const before = terminal.drawn.length;
  terminal.resize();
  t.ok(terminal.drawn.length > before, 'redrawn at once after resizing');
  terminal.press('\u001a');
  t.notOk(look().alternate && terminal.suspensions === 0);
  await terminal.until(() => terminal.suspensions === 1 && look().alternate);
  terminal.press('x');
  terminal.press('q');
  t.match(await running, { status: 0, err: '' });
  t.notOk(look().alternate, 'the earlier screen is back');
  t.ok(look().cursorShown && look().wraps);
  t.ok(terminal.released);
});

test('Ctrl-C, a signal and a closed pipe end it as well', async (t) => {
  const under = await controlUnderTest(t);
  await someServers(under);
  const env = operatorEnv(under.control);
  const ends: ((terminal: TerminalUnderTest) => void)[] = [
    (one) => one.press('\u0003'),
    (one) => one.stop('interrupted'),
    (one) => one.stop('unread'),
  ];
  for (const end of ends) {
    const terminal = new TerminalUnderTest({ columns: 80, rows: 12, env });
    const running = run(['top'], { terminal });
    await terminal.until(({ drawn }) => /gateway-2/.test(drawn));
    end(terminal);
    t.match(await running, { status: 0, err: '' });
    t.ok(terminal.drawn.endsWith('\u001b[?1049l'));
    t.ok(terminal.released);
  }
});

test('a lost connection is reported, and it keeps trying until interrupted', async (t) => {
  const under = await controlUnderTest(t);
  await someServers(under);
  const terminal = new TerminalUnderTest({ columns: 120, rows: 12, env: operatorEnv(under.control) });
  const piped = new TerminalUnderTest({ env: operatorEnv(under.control) });
  const running = [run(['top'], { terminal }), run(['top'], { terminal: piped })];
  await terminal.until(({ drawn }) => /gateway-2/.test(drawn));
  await piped.until(({ lines }) => lines.out.length > 3);
  await under.control.close();
  await terminal.until(({ drawn }) => /no connection to the balancer \([^)]+\): trying again/.test(drawn));
  await piped.until(({ lines }) => lines.err.length > 0);
  t.match(piped.lines.err, [/^no connection to the balancer/]);
  terminal.press('q');
  piped.stop('interrupted');
  for (const one of running) t.equal((await one).status, 0);
});

test('a balancer at its limit of live feeds is reported, and tried again', async (t) => {
  const under = await controlUnderTest(t);
  await someServers(under);
  const env = operatorEnv(under.control);
  const readers = await Promise.all(
    Array.from({ length: maxReaders }, async () => {
      const socket = new WebSocket(`${under.control.url.replace('http', 'ws')}/v1/events`, {
        headers: { authorization: `Bearer ${tokens.admin}` },
      });
      await once(socket, 'open');
      return socket;
    }),
  );
  const terminal = new TerminalUnderTest({ env });
  const running = run(['top', '--once'], { terminal });
  await terminal.until(({ lines }) => lines.err.length > 0);
  t.match(terminal.lines.err, ['no connection to the balancer (it has reached its limit of open live feeds): trying again']);
  for (const socket of readers) socket.terminate();
  t.match(await running, { status: 0, err: /connected to the balancer again/, out: /gateway-1/ });
});

const sample = (requests: number, errors = 0, active = 0, p99: number | null = null) => [requests, errors, active, p99, p99] as const;

test('rows are sorted within each environment; shares are relative to its requests', async (t) => {
  const state = new TopState();
  const server = (id: string, environment: string | null) =>
    ({
      id,
      environment,
      state: environment === null ? 'available' : 'ready',
      health: 'up',
      projects: [],
      running: null,
      active: 0,
    }) as never;
  const snapshot = { epoch: 'e', version: 1, hash: 'h' };
  t.equal(state.hear({ type: 'servers', at: 0, servers: [] }), 'stale');
  const environments = ['a', 'b'].map((name) => ({ name, status: { snapshot, listening: null } }) as never);
  state.adopt(environments, [server('a1', 'a'), server('a2', 'a'), server('a10', 'a'), server('b1', 'b'), server('free', null)]);
  const tick: FeedMessage = {
    type: 'traffic',
    at: 1000,
    environments: { a: sample(40, 10), b: sample(100, 0, 3, 250) },
    servers: { a: { a1: sample(10, 10, 1, 9), a2: sample(30, 0, 0, 20) }, b: { b1: sample(100, 0, 3, 250) } },
  };
  t.equal(state.hear(tick), 'tick');
  const order = (sorting: Parameters<typeof topRows>[1]) =>
    topRows(state, sorting, undefined).environments.flatMap(({ name, servers }) => [name, ...servers.map(({ id }) => id)]);
  t.strictSame(order('name'), ['a', 'a1', 'a2', 'a10', 'b', 'b1']);
  t.strictSame(order('requests'), ['b', 'b1', 'a', 'a2', 'a1', 'a10']);
  t.strictSame(order('errors'), ['a', 'a1', 'a2', 'a10', 'b', 'b1']);
  t.strictSame(order('latency'), ['b', 'b1', 'a', 'a2', 'a1', 'a10']);
  t.strictSame(order('active'), ['b', 'b1', 'a', 'a1', 'a2', 'a10']);
  const [a] = topRows(state, 'name', 'a').environments;
  t.match(a, { errors: 0.25, servers: [{ share: 0.25, errors: 1 }, { share: 0.75 }, { share: 0, p99: null }] });
  t.strictSame(topRows(state, 'name', 'a').available, [], 'available servers are in no environment');
  t.equal(topRows(state, 'name', undefined).available[0]?.id, 'free');

  state.hear({ type: 'health', at: 0, id: 'a1', environment: 'a', health: 'down', was: 'up', reason: 'refused' });
  state.hear({ type: 'health', at: 0, id: 'nobody', environment: 'a', health: 'down', was: 'up' });
  t.match(topRows(state, 'name', 'a').environments[0]?.servers[0]?.status, { word: { text: 'down' }, reason: 'refused' });
  state.hear({ type: 'health', at: 0, id: 'a1', environment: 'a', health: 'up', was: 'down' });
  t.equal(topRows(state, 'name', 'a').environments[0]?.servers[0]?.status.reason, undefined);
  state.hear({ type: 'gone', at: 0, id: 'a1', environment: 'a' });
  t.equal(topRows(state, 'name', 'a').environments[0]?.servers.length, 2);
  t.equal(state.hear({ type: 'something new' } as never), undefined, 'unknown messages of a newer balancer are ignored');
});

test("requests, errors and shares are computed from the balancer's counts", async (t) => {
  const under = await controlUnderTest(t);
  await someServers(under);
  const [one] = under.live as [LiveServer];
  const terminal = new TerminalUnderTest({ env: operatorEnv(under.control) });
  const running = run(['top', '--json'], { terminal });
  let requests = 0;
  const latest = () => JSON.parse(terminal.lines.out.at(-1) ?? '{}').environments?.[0];
  await terminal.until(() => {
    requests += 40;
    const statuses = [0, 0, requests * 0.75, 0, 0, requests * 0.25];
    under.live.splice(0, 1, { ...one, requests, active: 2, statuses });
    return latest()?.requests > 0 && latest()?.errors > 0;
  });
  terminal.stop('interrupted');
  await running;
  const { errors, active, servers } = latest();
  t.ok(Math.abs(errors - 0.25) < 0.01, `${errors}`);
  t.equal(active, 2);
  t.match(servers, [
    { id: 'gateway-1', share: 1, active: 2 },
    { id: 'gateway-2', share: 0, active: 0 },
  ]);
});
