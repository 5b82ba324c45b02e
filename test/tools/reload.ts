import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BalancerUnderTest } from './sluice-under-test.ts';

/** The configuration file of a balancer under test. */
export interface ConfigFile {
  control: { listen: string };
  workers?: number;
  accessLog?: boolean;
  environments: Record<string, Record<string, unknown>>;
}

/** Changes the configuration file, sends SIGHUP and resolves when the balancer has logged the `outcome`. */
export async function reload(balancer: BalancerUnderTest, change: (config: ConfigFile) => void, outcome: RegExp): Promise<void> {
  const file = join(balancer.folder, 'sluice.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as ConfigFile;
  change(config);
  writeFileSync(file, JSON.stringify(config));
  const already = balancer.process.log.length;
  balancer.process.signal('SIGHUP');
  await balancer.process.logged((line) => balancer.process.log.indexOf(line) >= already && outcome.test(line.msg ?? ''));
}
