import { readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { SluiceProcess } from '../flow/processes.ts';
import { ownFolder } from '../flow/system.ts';
import type { Binary } from './binary.ts';

/** A first process is not ended by signals that it does not handle: it must handle them from its first moment on. */
export async function earlySignal(t: Test, binary: Binary): Promise<void> {
  const first = SluiceProcess.start(t, ['--pid', '--fork', '--kill-child', binary.file, 'serve'], {
    folder: ownFolder(t),
    program: 'unshare',
    // Nobody is there: it waits for its registry.
    env: { SLUICE_REGISTRY_URL: 'redis://127.0.0.1:1', SLUICE_CONTROL_LISTEN: '127.0.0.1:0' },
  });
  await first.logged((line) => line.msg === 'starting');
  await first.logged((line) => /registry|redis/i.test(`${line.msg} ${line['reason']}`) && line.msg !== 'starting');
  const [pid] = readFileSync(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8').trim().split(' ');
  t.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^NSpid:\t\d+\t1$/m, 'it is the first of its space');
  process.kill(Number(pid), 'SIGTERM');
  t.equal(await first.ended(), 0);
  t.notOk(
    first.log.some((line) => line.msg === 'serving'),
    'it was still starting',
  );
}
