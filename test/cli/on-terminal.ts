import { fileURLToPath } from 'node:url';
import type { Owner } from '../flow/processes.ts';
import { adminToken, type BalancerUnderTest, ownFolder } from '../flow/system.ts';
import { PseudoTerminal } from './pseudo-terminal.ts';

const program = process.env['SLUICE_TEST_PROGRAM'] ?? fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));

/** Runs shell commands on a terminal of their own; `sluice` is the program, and knows the balancer and its token. */
export function onTerminal(
  t: Owner,
  balancer: BalancerUnderTest,
  words: string,
  size: { columns?: number; rows?: number } = {},
): PseudoTerminal {
  const env = { SLUICE_CONTROL: balancer.control, SLUICE_ADMIN_TOKEN: adminToken };
  return PseudoTerminal.start(t, words.replaceAll(/\bsluice (?=\w)/g, `"${process.execPath}" "${program}" `), {
    env,
    folder: ownFolder(t),
    ...size,
  });
}
