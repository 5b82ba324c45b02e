import { copyFileSync, readlinkSync, renameSync } from 'node:fs';
import type { Test } from 'tap';
import { echoProject, startTarget } from '../tools/echo.ts';
import { eventually } from '../tools/eventually.ts';
import { Load } from '../tools/load.ts';
import { ownFolder } from '../tools/own-folder.ts';
import type { LogLine } from '../tools/sluice-process.ts';
import { adminToken, joinToken, onFreePorts } from '../tools/sluice-under-test.ts';
import type { Binary } from './binary.ts';

const tokens = { SLUICE_ADMIN_TOKEN: adminToken, SLUICE_JOIN_TOKEN: joinToken };
const isReady = (line: LogLine) => line.msg === 'worker ready';

/** Replaces the executable by renaming a new one over it. SIGUSR2 then replaces the workers by ones of the new file; no request fails. */
export async function rollingUpdate(t: Test, binary: Binary): Promise<void> {
  const folder = ownFolder(t);
  const target = await startTarget(t);
  const balancer = binary.start(t, ['serve'], folder, {
    ...tokens,
    SLUICE_WORKERS: '2',
    ...onFreePorts,
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
  await eventually(
    () => fetch(`http://${address}/echo/`),
    ({ ok }) => ok,
  );

  const load = new Load(address, '/echo/');
  await load.more(50);
  copyFileSync(binary.file, `${binary.file}.new`);
  renameSync(`${binary.file}.new`, binary.file);
  t.equal(readlinkSync(`/proc/${balancer.pid}/exe`), `${binary.file} (deleted)`, 'the main process still runs the old file');
  balancer.signal('SIGUSR2');
  await balancer.logged(() => balancer.log.filter(isReady).length === 4);
  await balancer.logged(() => balancer.log.filter((line) => line.msg === 'worker ended').length === 2);
  const fresh = balancer.log.filter(isReady).slice(2);
  for (const { pid } of fresh) t.equal(readlinkSync(`/proc/${pid}/exe`), binary.file, 'a new worker runs the new file');
  await load.more(50);
  const { sent, right, wrong } = await load.stop();
  t.strictSame(wrong, []);
  t.comment(`${sent} requests, ${right} right`);
  balancer.signal('SIGTERM');
  t.equal(await balancer.ended(), 0);
}
