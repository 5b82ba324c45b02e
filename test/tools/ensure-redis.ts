import { execFileSync } from 'node:child_process';
import { findRedis } from './find-redis.ts';

// Run before the tests: finds or fetches redis-server and says which one it is, or stops with one line.
try {
  const { server, env } = await findRedis();
  const version = execFileSync(server, ['--version'], { encoding: 'utf8', env: { ...process.env, ...env } });
  console.log(`${server}: ${/v=[\d.]+/.exec(version)?.[0] ?? version.trim()}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
