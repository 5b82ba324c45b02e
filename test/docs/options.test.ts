import { test } from 'tap';
import { readConfig } from '../../src/config/config.ts';
import type { SluiceError } from '../../src/model/fault.ts';
import { textOf } from '../tools/source-files.ts';

test('every variable on docs/options.md exists', async (t) => {
  const variables = [...textOf('docs/options.md').matchAll(/<br>`(SLUICE_\w+)`/g)].map(([, name = '']) => name);
  t.ok(variables.length > 40);
  t.equal(new Set(variables).size, variables.length);
  t.strictSame(
    variables.filter((name) => unknown(name)),
    [],
  );
  t.ok(unknown('SLUICE_ENVIRONMENTS_PRODUCTION_NONSENSE'), 'the check finds faults');
});

/** True if the variable does not exist. Its value may still be wrong. */
function unknown(name: string): boolean {
  try {
    readConfig('', { env: { [name]: '1' } });
    return false;
  } catch (error) {
    return (error as SluiceError).faults.some(({ path, message }) => path === name && message.startsWith('is not a variable'));
  }
}
