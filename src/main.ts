#!/usr/bin/env node
import { startBegins } from './assembly/lean-start.ts';
// Comes before all other modules, whose objects would make the room for young objects grow.
import { allowLongPauses } from './assembly/short-pauses.ts';
import { isStartedAs } from './assembly/started-as.ts';
import type { Roles } from './cli/role-program.ts';

/** The roles of a process. Each is loaded by the process that plays it: to start takes less time, and to run less memory, without the others. */
const roles: Roles = {
  serve: async (options) => (await import('./assembly/serve-role.ts')).runServe(options),
  gateway: async (options) => (await import('./assembly/gateway-role.ts')).runGatewayRole(options),
  up: async (options) => (await import('./assembly/up-role.ts')).runUp(options),
};

async function run(): Promise<void> {
  if (isStartedAs('documentReader')) {
    allowLongPauses();
    return (await import('./assembly/document-process.ts')).runDocumentReader();
  }
  if (isStartedAs('worker')) {
    const { beginTraffic } = await import('./assembly/begin.ts');
    return (await import('./assembly/worker-program.ts')).runWorker(beginTraffic());
  }
  startBegins();
  const { runCommand } = await import('./cli/run-command.ts');
  const { build } = await import('./assembly/version.ts');
  const status = await runCommand(process.argv.slice(2), roles, build);
  if (status !== 0) process.exit(status);
}

// Not awaited: a single executable is CommonJS, which has no top-level await.
void run();
