import t from 'tap';
import { isReservedPath } from '../../src/balancer/reserved-path.ts';

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
  ]) {
    t.ok(isReservedPath(path), path);
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
  ]) {
    t.notOk(isReservedPath(path), path);
  }
});
