import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { askings } from '../../bench/control/askings.ts';
import { runControlBench } from '../../bench/control/control-bench.ts';
import { report } from '../../bench/control/report.ts';
import { withoutWaits } from '../../bench/control/waits.ts';

t.test('everything is asked and answered while traffic flows, and the report has a row for each', async (t) => {
  const seen: string[] = [];
  const results = await runControlBench(t, {
    servers: 20,
    revisions: 5,
    seconds: 0.2,
    quietSeconds: 0.1,
    progress: (line) => void seen.push(line),
  });
  t.strictSame(
    results.asked.map(({ name }) => name),
    askings.map(({ name }) => name),
  );
  for (const { name, answers, balancer, gateway, running } of results.asked) {
    t.ok(answers > 0, `${name}: ${answers} answers`);
    t.ok(balancer.count > 0 && gateway.count > 0, 'traffic flowed on both paths');
    t.ok(running.balancer.p99 <= balancer.p99 && running.gateway.p99 <= gateway.p99, 'waits for a processor are part of the time');
  }
  t.ok(seen.length > askings.length);
  const page = report(results);
  t.equal(page.match(/^\| .* \|$/gm)?.length, askings.length + 5);
  t.match(page, /- p99 through the balancer rises by at most [-\d.]+ ms/);
  t.match(page, /goal: less than 5 ms: .*; it rises by [-\d.]+ ms while another process computes/);
  t.match(page, /without the time in which either waited, it rises by at most [-\d.]+ ms/);
  t.notMatch(page, /NaN|undefined/);
  const calm = { longestMs: 4.9, long: 0, waits: [] };
  const held = (name: string) => ({ longestMs: 9, long: name === 'metrics × 4' ? 3 : 0, waits: [] });
  const judged = (turns: (name: string) => typeof calm) =>
    report({ ...results, asked: results.asked.map((one) => ({ ...one, turns: { balancer: turns(one.name), gateway: calm } })) });
  const all = askings.length;
  t.match(
    judged(() => calm),
    `of the balancer in 0 of ${all} rows; of the gateway in 0 of ${all} rows; goal: in none: met\n`,
  );
  t.match(
    judged(held),
    `of the balancer in 1 of ${all} rows (metrics × 4: 3); of the gateway in 0 of ${all} rows; goal: in none: **not met**\n`,
  );
  t.notMatch(page, /without an answer/);
  const silent = { ...results, asked: results.asked.map((one) => ({ ...one, unanswered: one.name === 'metrics × 4' ? 3 : 0 })) };
  t.match(report(silent), /\*\*Requests without an answer for 10 s\*\*, counted as 10 s: metrics × 4: 3\n/);
});

t.test('of a request, only what a process certainly waited for a processor meanwhile is taken out', async (t) => {
  const waits = [
    { from: 0, to: 10, ms: 4 },
    { from: 100, to: 110, ms: 5 },
    { from: 110, to: 111, ms: 1 },
    { from: 200, to: 210, ms: 9 },
  ];
  const requests = { began: [0, 2, 7, 99, 108, 104, 150, 203], times: [12, 6, 5, 13, 5, 3, 20, 2] };
  t.strictSame(withoutWaits(requests, [waits]), [8, 6, 5, 7, 4, 3, 20, 1]);
  t.strictSame(withoutWaits(requests, []), requests.times);
  t.strictSame(
    withoutWaits({ began: [0], times: [12] }, [waits, [{ from: 1, to: 9, ms: 6 }]]),
    [6],
    'two processes may have waited at the same time',
  );
});

t.test('a wrong option is reported, with the help', async (t) => {
  const program = fileURLToPath(new URL('../../bench/control/run.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import=tsx', program, '--servers', 'many'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  t.equal(status, 1);
  t.match(said, /^bench:control: --servers many: must be a whole number of at least 1\n\nnpm run bench:control/);
});
