import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Makes objects and JSON of them, as a client does that asks for much and reads the answers. */
const program =
  'for (;;) JSON.parse(JSON.stringify(Array.from({ length: 4000 }, (_, index) => ({ id: "server-" + index, weight: index }))));';

/** Has a process compute until the signal, with the priority of this one. It asks the control plane nothing: what traffic waits then, it waits for a processor. */
export async function compute(signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  signal.addEventListener('abort', () => child.kill('SIGKILL'));
  await ended;
  if (!signal.aborted) throw new Error('the process that computes ended');
}
