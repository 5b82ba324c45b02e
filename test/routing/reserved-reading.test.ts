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
