import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Availability } from './contender.ts';

/** Finds the version that a program on PATH prints, or that the program is missing. Debian's daemons are in /usr/sbin. */
export function programVersion(program: string, words: readonly string[], pattern: RegExp): Availability {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const { stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8', env: { ...process.env, PATH: path }, timeout: 10_000 });
  if (error !== undefined) return { missing: `${program} is not on PATH (Debian: apt-get install ${program})` };
  return { version: pattern.exec(stdout + stderr)?.[1] ?? 'unknown' };
}

/** Finds the version of an npm package in node_modules, or that the package is missing. */
export function packageVersion(name: string): Availability {
  try {
    const { version } = JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8'));
    return { version };
  } catch {
    return { missing: `${name} is not installed (npm run setup)` };
  }
}
