import { fileURLToPath } from 'node:url';
import { ownFolder } from '../tools/own-folder.ts';
import type { Owner } from '../tools/owner.ts';
import { adminToken, type BalancerUnderTest } from '../tools/sluice-under-test.ts';
import { PseudoTerminal } from './pseudo-terminal.ts';

const program = process.env['SLUICE_TEST_PROGRAM'] ?? fileURLToPath(new URL('../../dist/sluice.mjs', import.meta.url));

/** Runs shell commands on a new terminal, where `sluice` runs the program with the address and token of `balancer`. */
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
