import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadLeaseSecret } from '../../src/gateway/lease-secret.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { ownFolder } from '../tools/own-folder.ts';

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
