import { copyFileSync, readlinkSync, renameSync } from 'node:fs';
import type { Test } from 'tap';
import { Load } from '../flow/load.ts';
import type { LogLine } from '../flow/processes.ts';
import { adminToken, echoProject, joinToken, ownFolder, startTarget } from '../flow/system.ts';
import type { Binary } from './binary.ts';

const tokens = { SLUICE_ADMIN_TOKEN: adminToken, SLUICE_JOIN_TOKEN: joinToken };
const isReady = (line: LogLine) => line.msg === 'worker ready';

/** The file is replaced by renaming another one over it; SIGUSR2 puts workers of the new one in place, and nobody notices. */
export async function rollingUpdate(t: Test, binary: Binary): Promise<void> {
  const folder = ownFolder(t);
  const target = await startTarget(t);
  const balancer = binary.start(t, ['serve'], folder, {
    ...tokens,
    SLUICE_WORKERS: '2',
    SLUICE_CONTROL_LISTEN: '127.0.0.1:0',
    SLUICE_ENVIRONMENTS_PRODUCTION_LISTEN: '127.0.0.1:0',
  });
  const address = String((await balancer.logged((line) => line.msg === 'serving'))['listen']);
  const control = String((await balancer.logged((line) => line.msg === 'control'))['control']);
  const ask = (method: string, path: string, body: unknown) =>
    fetch(control + path, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  t.ok((await ask('POST', '/v1/projects', echoProject(target.url, '1'))).ok);
  t.ok((await ask('PUT', '/v1/environments/production/deployments/echo', {})).ok);
  binary.start(t, ['gateway', '--join', control, '--environment', 'production', '--id', 'one'], folder, tokens);
  while (!(await fetch(`http://${address}/echo/`)).ok);

  const load = new Load(address, '/echo/');
  await load.more(50);
  copyFileSync(binary.file, `${binary.file}.new`);
  renameSync(`${binary.file}.new`, binary.file);
  t.equal(readlinkSync(`/proc/${balancer.pid}/exe`), `${binary.file} (deleted)`, 'the balancer itself goes on as it was');
  balancer.signal('SIGUSR2');
  await balancer.logged(() => balancer.log.filter(isReady).length === 4);
  await balancer.logged(() => balancer.log.filter((line) => line.msg === 'worker ended').length === 2);
  const fresh = balancer.log.filter(isReady).slice(2);
  for (const { pid } of fresh) t.equal(readlinkSync(`/proc/${pid}/exe`), binary.file, 'a worker of the new build');
  await load.more(50);
  const { sent, right, wrong } = await load.stop();
  t.strictSame(wrong, []);
  t.comment(`${sent} requests, ${right} right`);
  balancer.signal('SIGTERM');
  t.equal(await balancer.ended(), 0);
}
