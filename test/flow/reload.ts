import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BalancerUnderTest } from './system.ts';

/** What a test's balancer has in its configuration file. */
export interface Written {
  control: { listen: string };
  workers?: number;
  accessLog?: boolean;
  environments: Record<string, Record<string, unknown>>;
}

/** Changes the configuration file and says so; `answer` is in the log line that tells how it went. */
export async function reload(balancer: BalancerUnderTest, change: (config: Written) => void, answer: RegExp): Promise<void> {
  const file = join(balancer.folder, 'sluice.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as Written;
  change(config);
  writeFileSync(file, JSON.stringify(config));
  const already = balancer.process.log.length;
  balancer.process.signal('SIGHUP');
  await balancer.process.logged((line) => balancer.process.log.indexOf(line) >= already && answer.test(line.msg ?? ''));
}
