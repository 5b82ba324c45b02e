import { type ChildProcess, spawn } from 'node:child_process';
import { dnsServersVariable } from '../dns/servers.ts';
import { childEnvironment } from './child-environment.ts';
import { ownProgram } from './own-program.ts';
import { startedAs } from './started-as.ts';

/** Settings that a worker gets from the environment of the main process. */
const inherited = ['SLUICE_LOG_LEVEL', 'SLUICE_DENY_TARGETS', dnsServersVariable];

/**
 * Starts a worker process. It gets its own process group, so that Ctrl-C reaches only the main process, and no Sluice settings, some of which
 * are secrets, except the log level, the DNS servers, and the addresses that targets must not have.
 */
export function spawnWorker(number: number): ChildProcess {
  const { file, args } = ownProgram([startedAs.worker, String(number)]);
  return spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true, env: childEnvironment(inherited) });
}
