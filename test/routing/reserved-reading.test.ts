import t from 'tap';
import { couldBeReserved } from '../../src/routing/reserved-reading.ts';

t.test('/.sluice is reserved in every spelling', async (t) => {
  for (const path of [
    '/.sluice',
    '/.sluice/',
    '/.sluice/ready',
    '/%2esluice/ready',
    '/%2Esluice/ready',
    '/.%73luice/ready',
    '//.sluice/ready',
    '/./.sluice/ready',
    '/x/../.sluice/ready',
    '/x/%2e%2e/.sluice/ready',
    '/%2Fx/%2e%2e/../.sluice/ready',
    '/../../.sluice',
    '/.SLUICE/ready',
    '\\.sluice\\ready',
    '/%2e%73luice%2fready',
    '/%ff/../%2esluice/metrics',
    '/%ff%2f..%2f.sluice/metrics',
    '/a%2Fb/../.sluice/metrics',
    '/q/a%2F../../.sluice/metrics',
    '/a/b//../../.sluice/metrics',
    '/a//../.sluice//../metrics',
    '/x/..;/.sluice/metrics',
    '/x;y/../.sluice;z/metrics',
    '/;a=b/.sluice/metrics',
    '/;%2Fx/.sluice/metrics',
    '/%252esluice/metrics',
    '/x/%25252e%25252e/.sluice',
    '/%c0%aesluice/metrics',
    '/%c0%af.sluice/metrics',
    '/.sluice%00/metrics',
    '/.sluice%20/metrics',
    '/.sluice%3Fx',
    '/.slu%0Aice/metrics',
    '/.sluice\\metrics',
    '/%zz/../.sluice/metrics',
  ]) {
    t.ok(couldBeReserved(path), path);
  }
});

t.test('the two paths of logins are open, spelled exactly so, below anything that is', async (t) => {
  for (const base of ['', '/shop', '/caf%C3%A9', '/a/b'])
    for (const end of ['callback', 'logout']) t.notOk(couldBeReserved(`${base}/.sluice/oidc/${end}`), base + end);
  for (const path of [
    '/.sluice/oidc',
    '/.sluice/oidc/',
    '/.sluice/oidc/callback/',
    '/.sluice/oidc/callback/x',
    '/.sluice/oidc/other',
    '/.SLUICE/oidc/callback',
    '/%2esluice/oidc/callback',
    '/.sluice/oidc/%63allback',
    '/.sluice//oidc/callback',
    '/.sluice/oidc/callback;a',
    '/.sluice/oidc/callback%2f..%2fready',
    '/.sluice/.sluice/oidc/callback',
    '/.sluice/ready%3f/.sluice/oidc/callback',
    '/.sluice/metrics;/.sluice/oidc/logout',
    '/%2esluice/metrics%00/.sluice/oidc/logout',
  ])
    t.ok(couldBeReserved(path), path);
});

t.test('every other path is open to projects', async (t) => {
  for (const path of [
    '/',
    '/pets',
    '/x/.sluice/ready',
    '/.sluices',
    '/.well-known/x',
    '/sluice',
    '/.sluice.json',
    '/%zz',
    '/%E0%A4%A',
    '*',
    '/a%2Fb',
    '/.sluice/../pets',
    '/a%2F.sluices',
    '/%ff',
    '/a%20b;v=1/c.d',
  ]) {
    t.notOk(couldBeReserved(path), path);
  }
});
