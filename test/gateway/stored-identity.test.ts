import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadLeaseSecret } from '../../src/gateway/lease-secret.ts';
import { loadServerId, newServerId } from '../../src/gateway/server-id.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

t.test('a folder keeps the id of its first start', async (t) => {
  const folder = join(ownFolder(t), 'not', 'there');
  const { logger, lines } = keptLogger();
  const id = await loadServerId(folder, logger);
  t.match(id, /^gateway-[0-9a-f]{8}$/);
  t.equal(await loadServerId(folder, logger), id);
  t.equal(readFileSync(join(folder, 'id'), 'utf8'), `${id}\n`);
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.not(await loadServerId(join(folder, 'other'), logger), id);
  writeFileSync(join(folder, 'id'), 'edge-1');
  t.equal(await loadServerId(folder, logger), 'edge-1', 'written by an operator');
  t.strictSame(lines, []);
});

t.test('an invalid id is replaced and logged', async (t) => {
  const folder = ownFolder(t);
  const { logger, lines } = keptLogger();
  for (const damage of ['', '../../etc', 'x'.repeat(1000), '\u0000\u0000']) {
    writeFileSync(join(folder, 'id'), damage);
    const id = await loadServerId(folder, logger);
    t.match(id, /^gateway-/);
    t.equal(await loadServerId(folder, logger), id);
    t.match(lines.splice(0), [{ msg: /does not contain a valid id/, id }]);
  }
});

t.test('an unusable folder does not keep the server from starting', async (t) => {
  const folder = ownFolder(t, { file: '' });
  mkdirSync(join(folder, 'odd', 'id'), { recursive: true });
  const { logger, lines } = keptLogger();
  t.match(await loadServerId(join(folder, 'odd'), logger), /^gateway-/);
  t.match(lines.splice(0), [{ msg: /cannot be read/ }, { msg: /cannot be stored/ }]);
  t.match(await loadServerId(join(folder, 'file'), logger), /^gateway-/);
  t.match(lines.splice(0).at(-1), { msg: /cannot be stored.*--id/ });
});

t.test('new ids are all different', async (t) => {
  t.equal(new Set(Array.from({ length: 100 }, newServerId)).size, 100);
});

t.test('a folder keeps the secret of its first start, readable by its owner only', async (t) => {
  const folder = join(ownFolder(t), 'not', 'there');
  const { logger, lines } = keptLogger();
  const secret = await loadLeaseSecret(folder, logger);
  t.match(secret, /^[\w-]{43}$/);
  t.equal(await loadLeaseSecret(folder, logger), secret);
  t.equal(readFileSync(join(folder, 'lease.secret'), 'utf8'), `${secret}\n`);
  t.equal(statSync(join(folder, 'lease.secret')).mode & 0o777, 0o600);
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.not(await loadLeaseSecret(join(folder, 'other'), logger), secret);
  t.strictSame(lines, []);
});

t.test('a damaged secret is replaced; one that cannot be stored holds until the end of the process', async (t) => {
  const folder = ownFolder(t, { file: '' });
  const { logger, lines } = keptLogger();
  writeFileSync(join(folder, 'lease.secret'), 'short');
  const secret = await loadLeaseSecret(folder, logger);
  t.equal(await loadLeaseSecret(folder, logger), secret);
  t.match(lines.splice(0), [{ msg: /damaged and is replaced/ }]);
  t.match(await loadLeaseSecret(join(folder, 'file'), logger), /^[\w-]{43}$/);
  t.match(lines.pop(), { msg: /cannot be stored.*make the data folder writable/ });
});
