import { execFileSync } from 'node:child_process';
import { findChromium } from './find-chromium.ts';

// Run before the tests, which start at the same time and would each fetch Chromium for themselves: says which one it is, or stops with one line.
try {
  const { program, env } = await findChromium();
  const version = execFileSync(program, ['--version'], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  console.log(`${program}: ${version.trim()}`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
