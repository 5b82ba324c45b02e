import { test } from 'tap';
import { readConfig } from '../../src/config/config.ts';
import type { SluiceError } from '../../src/model/fault.ts';
import { textOf } from '../tools/source-files.ts';

test('every variable of docs/options.md is known by that name', async (t) => {
  const variables = [...textOf('docs/options.md').matchAll(/<br>`(SLUICE_\w+)`/g)].map(([, name = '']) => name);
  t.ok(variables.length > 40);
  t.equal(new Set(variables).size, variables.length);
  t.strictSame(
    variables.filter((name) => unknown(name)),
    [],
  );
  t.ok(unknown('SLUICE_ENVIRONMENTS_PRODUCTION_NONSENSE'), 'this test can fail');
});

/** Whether there is no such variable; its value may be wrong. */
function unknown(name: string): boolean {
  try {
    readConfig('', { env: { [name]: '1' } });
    return false;
  } catch (error) {
    return (error as SluiceError).faults.some(({ path, message }) => path === name && message.startsWith('is no variable'));
  }
}
