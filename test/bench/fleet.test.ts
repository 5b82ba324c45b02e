import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import { type FleetOptions, runFleet } from '../../bench/fleet/fleet.ts';
import { report } from '../../bench/fleet/report.ts';
import { spreadOf } from '../../bench/fleet/spread.ts';

const program = fileURLToPath(new URL('../../bench/fleet/run.ts', import.meta.url));
const quick = { minutes: 0.01, restSeconds: 0, deploys: 1, herd: true };

function options(t: Test, more: Pick<FleetOptions, 'gateways' | 'registry'>): FleetOptions {
  return { ...quick, ...more, progress: (text) => t.comment(text) };
}

test('through Redis: all become ready, acknowledge a deploy, come and go, and survive a restart of Redis', async (t) => {
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

test('through the balancer: the same with the embedded registry', async (t) => {
  const results = await runFleet(t, options(t, { gateways: 20, registry: 'remote' }));
  t.equal(results.storm.inRotation.count, 20);
  t.equal(results.deploys[0]?.acknowledged.count, 20);
  t.match(results.churn, { joined: { count: 1 }, left: { count: 1 } });
  t.equal(results.herd, undefined, 'there is no Redis to restart');
  t.equal(results.leaving.count, 20);
  t.strictSame(results.traffic.faults, []);
  t.notMatch(report(results), /NaN|undefined/);
});

/** The processes of a group, those aside that have ended and whose parent has not asked how. */
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
  const folder = t.testdir();
  // A process group of its own, as a terminal gives it; the signal goes to all of it.
  const child = spawn(process.execPath, ['--import=tsx', program, '--gateways', '3', '--rest', '600'], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TMPDIR: folder },
  });
  const group = -(child.pid as number);
  t.teardown(() => {
    for (const pid of runningIn(-group)) process.kill(pid, 'SIGKILL');
  });
  await new Promise<void>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      t.comment(line);
      if (line.includes('of rest')) resolve();
    });
  });
  process.kill(group, 'SIGINT');
  const [code] = await once(child, 'exit');
  t.equal(code, 1);
  // The compiler of a process that is gone notices that in a moment; longer than the test may take would be a fault.
  while (runningIn(-group).length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  t.strictSame(
    readdirSync(folder).filter((name) => name.startsWith('sluice-')),
    [],
    'and no folder',
  );
});

test('a wrong option is told, with the help', async (t) => {
  const child = spawn(process.execPath, ['--import=tsx', program, '--gateways', 'many'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  t.strictSame(await once(child, 'close'), [1, null]);
  t.match(told, /^fleet: --gateways many: write a number from 1 on\n\nnpm run fleet/);
});

test('percentiles', async (t) => {
  t.strictSame(spreadOf(Array.from({ length: 200 }, (_, index) => 200 - index)), { count: 200, p50: 100, p99: 198, max: 200 });
  t.strictSame(spreadOf([7]), { count: 1, p50: 7, p99: 7, max: 7 });
});
