import { test } from 'tap';
import { Binary, noBinary } from './binary.ts';
import { quickStart } from './quick-start.ts';
import { rollingUpdate } from './rolling-update.ts';

test('one file is all of Sluice', { timeout: 120_000, skip: noBinary ?? false }, async (t) => {
  const binary = await Binary.build(t);
  t.comment(binary.buildOutput.trim());
  await t.test('the quick start in an empty folder', (t) => quickStart(t, binary));
  await t.test('a newer build takes over, worker by worker, under load', (t) => rollingUpdate(t, binary));
});
