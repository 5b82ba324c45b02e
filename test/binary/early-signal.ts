import { readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { ownFolder } from '../tools/own-folder.ts';
import { SluiceProcess } from '../tools/sluice-process.ts';
import type { Binary } from './binary.ts';

/** Stops Sluice while it starts as process 1, which the kernel does not end by a signal without a handler. */
export async function earlySignal(t: Test, binary: Binary): Promise<void> {
  const first = SluiceProcess.start(t, ['--pid', '--fork', '--kill-child', binary.file, 'serve'], {
    folder: ownFolder(t),
    program: 'unshare',
    // Nothing listens there: the start waits for the registry.
    env: { SLUICE_REGISTRY_URL: 'redis://127.0.0.1:1', SLUICE_CONTROL_LISTEN: '127.0.0.1:0' },
  });
  await first.logged((line) => line.msg === 'starting');
  await first.logged((line) => /registry|redis/i.test(`${line.msg} ${line['reason']}`) && line.msg !== 'starting');
  const [pid] = readFileSync(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8').trim().split(' ');
  t.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^NSpid:\t\d+\t1$/m, 'it is process 1 of its namespace');
  process.kill(Number(pid), 'SIGTERM');
  t.equal(await first.ended(), 0);
  t.notOk(
    first.log.some((line) => line.msg === 'serving'),
    'it was still starting',
  );
}
