import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { createAuthorizer, createGrants } from '../../src/control/access/authorizer.ts';
import { loadTokens } from '../../src/control/access/tokens.ts';
import { SluiceError } from '../../src/model/fault.ts';
import { ownFolder } from '../tools/own-folder.ts';

test('tokens are made once, kept in private files, and loaded again', async (t) => {
  const dataDir = `${ownFolder(t)}/data/new`;
  const made = await loadTokens({ dataDir });
  t.match(made.admin, /^[\w-]{43}$/);
  t.not(made.admin, made.join);
  t.same(readdirSync(dataDir).sort(), ['admin.token', 'join.token'], 'no drafts are left');
  t.equal(statSync(`${dataDir}/admin.token`).mode & 0o777, 0o600);
  t.equal(made.origin.admin, `${dataDir}/admin.token`);
  t.same(await loadTokens({ dataDir }), made);
});

test('processes that start at the same time agree on the tokens', async (t) => {
  const dataDir = ownFolder(t);
  const all = await Promise.all(Array.from({ length: 8 }, () => loadTokens({ dataDir })));
  t.equal(new Set(all.map((tokens) => tokens.admin)).size, 1);
  t.equal(new Set(all.map((tokens) => tokens.join)).size, 1);
});

test('environment variables win over the configuration, the configuration over files', async (t) => {
  const dataDir = ownFolder(t, { 'admin.token': 'from-the-file\n', 'join.token': 'join-from-file' });
  const env = { SLUICE_ADMIN_TOKEN: 'from-the-variable' };
  const configured = { admin: 'from-the-config', join: 'join-from-config' };
  t.match(await loadTokens({ dataDir, env, configured }), { admin: 'from-the-variable', join: 'join-from-config' });
  t.match(await loadTokens({ dataDir, env: { SLUICE_ADMIN_TOKEN: '' } }), { admin: 'from-the-file', join: 'join-from-file' });
});

test('several tokens of one kind are all valid; one that is both an admin and a join token is refused', async (t) => {
  const dataDir = ownFolder(t);
  const configured = { admin: { ci: 'token-of-ci', anna: 'token-of-anna' }, join: ['new-join-token', 'old-join-token'] };
  const found = await loadTokens({ dataDir, configured });
  t.match(found, { admin: 'token-of-ci', join: 'new-join-token' }, 'the first is the one that the balancer itself uses');
  const authorize = createAuthorizer(found.valid);
  for (const token of Object.values(configured.admin)) t.equal(authorize(`Bearer ${token}`), 'admin');
  for (const token of configured.join) t.equal(authorize(`Bearer ${token}`), 'join');
  t.equal(authorize('Bearer another-token'), undefined);
  await t.rejects(loadTokens({ dataDir, configured: { ...configured, join: ['new-join-token', 'token-of-anna'] } }), { code: 'invalid' });
});

test('a token for one environment gives join access there; one that is something else as well is refused', async (t) => {
  const dataDir = ownFolder(t);
  const joinFor = { production: { rack1: 'token-of-rack1' }, staging: ['new-staging-token', 'old-staging-token'] };
  const { granted, valid, join } = await loadTokens({ dataDir, configured: { join: 'join-for-everything', joinFor } });
  t.equal(join, 'join-for-everything');
  t.same(valid.join, ['join-for-everything']);
  const grantOf = createGrants(granted);
  const production = { access: 'join', environment: 'production', token: 'control.tokens.joinFor.production.rack1' };
  t.same(grantOf('Bearer token-of-rack1'), production);
  for (const token of joinFor.staging) t.match(grantOf(`Bearer ${token}`), { access: 'join', environment: 'staging' });
  t.same(grantOf('Bearer join-for-everything'), { access: 'join', token: 'control.tokens.join' });
  for (const wrong of ['token-of-rack2', 'token-of-rack1x', '']) t.equal(grantOf(`Bearer ${wrong}`), undefined);
  const twice = loadTokens({ dataDir, configured: { joinFor }, env: { SLUICE_JOIN_TOKEN: 'token-of-rack1' } });
  await t.rejects(twice, { code: 'invalid', message: /SLUICE_JOIN_TOKEN and control\.tokens\.joinFor\.production\.rack1 are the same/ });
});

test('an unusable token is refused by naming its origin, never its text', async (t) => {
  const refuses = async (options: Parameters<typeof loadTokens>[0], ...words: string[]) => {
    const error = await loadTokens(options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof SluiceError)) return t.fail(`accepted, or refused without a SluiceError: ${error}`);
    t.equal(error.code, 'invalid');
    for (const word of words) t.ok(error.message.includes(word), `${error.message} says ${word}`);
    t.notMatch(error.message, /s3cret/);
  };
  await refuses({ dataDir: ownFolder(t, { 'admin.token': ' \n' }) }, 'admin.token', 'empty');
  await refuses({ dataDir: ownFolder(t, { 'admin.token': 's3cret one' }) }, 'admin.token', '8 to 256');
  await refuses({ dataDir: ownFolder(t, { 'admin.token': 's3cret' }) }, 'admin.token', '8 to 256');
  await refuses({ dataDir: ownFolder(t), env: { SLUICE_JOIN_TOKEN: 's3cret\u00e9\u00e9\u00e9' } }, 'SLUICE_JOIN_TOKEN');
  await refuses({ dataDir: ownFolder(t), configured: { admin: 's3cret-s3cret', join: 's3cret-s3cret' } }, 'same');
  const folder = ownFolder(t);
  mkdirSync(`${folder}/admin.token`);
  await refuses({ dataDir: folder }, 'admin.token', 'EISDIR');
  const file = ownFolder(t, { data: 'a file' });
  await refuses({ dataDir: `${file}/data` }, `${file}/data`);
  t.equal(readFileSync(`${file}/data`, 'utf8'), 'a file');
});

test('a token file without read permission is refused', { skip: process.getuid?.() === 0 && 'root may read everything' }, async (t) => {
  const dataDir = ownFolder(t);
  writeFileSync(`${dataDir}/admin.token`, 'unreadable-token');
  chmodSync(`${dataDir}/admin.token`, 0);
  await t.rejects(loadTokens({ dataDir }), { code: 'invalid', message: /EACCES/ });
});

test('only a bearer token equal to one of the two is accepted', async (t) => {
  const authorize = createAuthorizer({ admin: 'the-admin-token', join: 'the-join-token' });
  const table: [header: string | undefined, access: string | undefined][] = [
    ['Bearer the-admin-token', 'admin'],
    ['bearer  the-admin-token ', 'admin'],
    ['Bearer the-join-token', 'join'],
    [undefined, undefined],
    ['', undefined],
    ['Bearer', undefined],
    ['Bearer ', undefined],
    ['the-admin-token', undefined],
    ['Basic the-admin-token', undefined],
    ['Bearer the-admin-toke', undefined],
    ['Bearer the-admin-token2', undefined],
    ['Bearer the-admin-token, Bearer the-join-token', undefined],
    [`Bearer ${'x'.repeat(100_000)}`, undefined],
  ];
  for (const [header, access] of table) t.equal(authorize(header), access, String(header).slice(0, 60));
});
