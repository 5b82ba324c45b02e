import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { keptId, newId } from '../../src/gateway/identity.ts';
import { keptLogger } from '../tools/fake-logger.ts';

t.test('a folder has one id, from its first server on', async (t) => {
  const folder = join(t.testdir(), 'not', 'there');
  const { logger, lines } = keptLogger();
  const id = await keptId(folder, logger);
  t.match(id, /^gateway-[0-9a-f]{8}$/);
  t.equal(await keptId(folder, logger), id);
  t.equal(readFileSync(join(folder, 'id'), 'utf8'), `${id}\n`);
  t.not(await keptId(join(folder, 'other'), logger), id);
  writeFileSync(join(folder, 'id'), 'edge-1');
  t.equal(await keptId(folder, logger), 'edge-1', 'chosen by somebody');
  t.strictSame(lines, []);
});

t.test('what is no id is replaced, and that is said', async (t) => {
  const folder = t.testdir();
  const { logger, lines } = keptLogger();
  for (const damage of ['', '../../etc', 'x'.repeat(1000), '\u0000\u0000']) {
    writeFileSync(join(folder, 'id'), damage);
    const id = await keptId(folder, logger);
    t.match(id, /^gateway-/);
    t.equal(await keptId(folder, logger), id);
    t.match(lines.splice(0), [{ msg: /holds no id/, id }]);
  }
});

t.test('a folder that cannot be used keeps no server from starting', async (t) => {
  const folder = t.testdir({ file: '' });
  mkdirSync(join(folder, 'odd', 'id'), { recursive: true });
  const { logger, lines } = keptLogger();
  t.match(await keptId(join(folder, 'odd'), logger), /^gateway-/);
  t.match(lines.splice(0), [{ msg: /cannot be read/ }, { msg: /cannot be kept/ }]);
  t.match(await keptId(join(folder, 'file'), logger), /^gateway-/);
  t.match(lines.splice(0).at(-1), { msg: /cannot be kept.*--id/ });
});

t.test('ids made up are all different', async (t) => {
  t.equal(new Set(Array.from({ length: 100 }, newId)).size, 100);
});
