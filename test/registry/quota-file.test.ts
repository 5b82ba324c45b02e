import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type LimitAsk, micro, noPart } from '../../src/limits/limit-store.ts';
import { MemoryLimitStore } from '../../src/limits/memory-limit-store.ts';
import { QuotaFile } from '../../src/registry/embedded/quota-file.ts';
import { FakeClock } from '../tools/fake-clock.ts';
import { ownFolder } from '../tools/own-folder.ts';

const limit = 1000;

function ask(key: string, need: number): LimitAsk {
  const rule = { kind: 'quota', limit: limit * micro, period: 'day' } as const;
  return {
    key: key.padEnd(22, '_'),
    rule,
    version: 'v',
    back: 0,
    keep: 0,
    need: need * micro,
    unit: micro,
    demand: 0,
    exact: true,
    ...noPart,
  };
}

/** Opens the quotas of a folder, as a start of a balancer does. */
async function start(folder: string, clock: FakeClock) {
  const file = await QuotaFile.open(folder, clock);
  const store = new MemoryLimitStore(clock, file);
  const take = async (key: string, need: number) => ((await store.ask('a', [ask(key, need)]))[0]?.tokens ?? -1) / micro;
  return { take, close: () => file.close(store.quotas()) };
}

t.test('a quota survives a stop exactly, and a crash with at most a hundredth less', async (t) => {
  const folder = ownFolder(t);
  const clock = new FakeClock();
  const first = await start(folder, clock);
  t.equal(await first.take('anna', 400), 400);
  await first.close();
  const second = await start(folder, clock);
  t.equal(await second.take('anna', 1000), 600, 'exactly what was left');
  const written = readFileSync(join(folder, 'quotas.log'), 'utf8').split('\n').length;
  const crashed = await start(folder, clock);
  for (let request = 0; request < 100; request++) t.equal(await crashed.take('ben', 1), 1);
  t.ok(readFileSync(join(folder, 'quotas.log'), 'utf8').split('\n').length < written + 20, 'few requests need a write');
  const after = await start(folder, clock);
  const rest = await after.take('ben', 1000);
  t.ok(rest <= 900 && rest >= 890, `${rest} of 900 are left after a crash`);
  t.equal(await after.take('anna', 1), 0);
  await clock.pass(86_400_000);
  t.equal(await after.take('anna', 1000), 1000, 'the next day');
});

t.test('torn and damaged lines are skipped, and a file that cannot be written gives nothing', async (t) => {
  const folder = ownFolder(t);
  const clock = new FakeClock();
  const path = join(folder, 'quotas.log');
  const first = await start(folder, clock);
  await first.take('anna', 400);
  await first.take('ben', 300);
  await first.close();
  const [anna = '', ben = ''] = readFileSync(path, 'utf8').split('\n');
  writeFileSync(path, `${anna.replace('600', '900')}\n${ben}\nnonsense\n`);
  appendFileSync(path, anna.slice(0, 40));
  const second = await start(folder, clock);
  t.equal(await second.take('ben', 1000), 700);
  t.equal(await second.take('anna', 1000), 1000, 'a damaged line counts as absent');
  await second.close();
  const third = await start(folder, clock);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  await t.rejects(third.take('carl', 1), { code: 'unavailable' });
});
