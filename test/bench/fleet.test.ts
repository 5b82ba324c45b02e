import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t, { type Test, test } from 'tap';
import { type FleetOptions, runFleet } from '../../bench/fleet/fleet.ts';
import { report } from '../../bench/fleet/report.ts';
import { spreadOf } from '../../bench/fleet/spread.ts';
import { Condition } from '../tools/condition.ts';
import { eventually } from '../tools/eventually.ts';
import { ownFolder } from '../tools/own-folder.ts';

// Side by side: each test has folders and processes of its own, and waits much of the time.
t.jobs = 3;

const program = fileURLToPath(new URL('../../bench/fleet/run.ts', import.meta.url));
const quick = { minutes: 0.01, restSeconds: 0, deploys: 1, herd: true };

function options(t: Test, more: Pick<FleetOptions, 'gateways' | 'registry'>): FleetOptions {
  return { ...quick, ...more, progress: (text) => t.comment(text) };
}

test('through Redis, gateways become ready, acknowledge a deploy, join and leave, and survive a restart of Redis', async (t) => {
  const results = await runFleet(t, options(t, { gateways: 50, registry: 'redis' }));
  const { storm, deploys, churn, herd, leaving, traffic, memory } = results;
  t.equal(storm.inRotation.count, 50);
  t.ok(storm.inRotation.max >= storm.inRotation.p50);
  t.strictSame(
    deploys.map(({ acknowledged }) => acknowledged.count),
    [50],
  );
  t.match(churn, { joined: { count: 1 }, left: { count: 1 } });
  t.match(herd, { reconnected: { count: 50 }, renewed: { count: 50 } });
  t.equal(leaving.count, 50);
  t.ok(traffic.sent >= 200);
  t.strictSame(traffic.faults, []);
  t.ok((memory.after.redis ?? 0) > (memory.before.redis ?? 0), 'Redis holds connections and leases');
  const page = report(results);
  t.match(page, /\| join storm: in rotation \| 50 \|/);
  t.match(page, /\| no request failed \| 0 of \d+ \| met \|/);
  t.notMatch(page, /NaN|undefined/);
  t.comment(page);
});

test('through the balancer with its embedded registry, gateways do the same', async (t) => {
  const results = await runFleet(t, options(t, { gateways: 20, registry: 'remote' }));
  t.equal(results.storm.inRotation.count, 20);
  t.equal(results.deploys[0]?.acknowledged.count, 20);
  t.match(results.churn, { joined: { count: 1 }, left: { count: 1 } });
  t.equal(results.herd, undefined, 'without Redis, nothing is restarted');
  t.equal(results.leaving.count, 20);
  t.strictSame(results.traffic.faults, []);
  t.notMatch(report(results), /NaN|undefined/);
});

/** Lists the processes of a group, without zombies. */
function runningIn(group: number): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const [state, , itsGroup] = (readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1) ?? '').split(' ');
      return Number(itsGroup) === group && state !== 'Z' ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

test('Ctrl-C leaves nothing behind', async (t) => {
  const folder = ownFolder(t);
  // Its own process group, as on a terminal: the signal goes to the whole group.
  const child = spawn(process.execPath, ['--import=tsx', program, '--gateways', '3', '--rest', '600'], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  });
  const group = -(child.pid as number);
  t.teardown(() => {
    for (const pid of runningIn(-group)) process.kill(pid, 'SIGKILL');
  });
  const lines: string[] = [];
  const progressed = new Condition();
  createInterface({ input: child.stderr }).on('line', (line) => {
    t.comment(line);
    lines.push(line);
    progressed.notify();
  });
  await progressed.until(() => lines.some((line) => line.includes('idle for')), { what: 'the idle phase', seen: () => lines });
  process.kill(group, 'SIGINT');
  const [code] = await once(child, 'exit');
  t.equal(code, 1);
  // The compiler processes of tsx end a moment after their parents.
  await eventually(
    () => runningIn(-group),
    (pids) => pids.length === 0,
  );
  t.strictSame(
    readdirSync(folder).filter((name) => name.startsWith('sluice-')),
    [],
    'no folder is left',
  );
});

test('a wrong option is reported, with the help', async (t) => {
  const child = spawn(process.execPath, ['--import=tsx', program, '--gateways', 'many'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  t.strictSame(await once(child, 'close'), [1, null]);
  t.match(output, /^fleet: --gateways many: must be a whole number of at least 1\n\nnpm run fleet/);
});

test('spreadOf computes percentiles', async (t) => {
  t.strictSame(spreadOf(Array.from({ length: 200 }, (_, index) => 200 - index)), { count: 200, p50: 100, p99: 198, max: 200 });
  t.strictSame(spreadOf([7]), { count: 1, p50: 7, p99: 7, max: 7 });
});
