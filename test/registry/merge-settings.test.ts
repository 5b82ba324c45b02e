import t from 'tap';
import { mergeSettings } from '../../src/registry/rules/merge-settings.ts';

const cases: [what: string, states: Parameters<typeof mergeSettings>[0], merged: object][] = [
  ['a file applied for the first time', { applied: {}, file: { listen: 'a' }, stored: {} }, { listen: 'a' }],
  [
    'an unchanged file',
    { applied: { listen: 'a' }, file: { listen: 'a' }, stored: { listen: 'b', hosts: ['x'] } },
    { listen: 'b', hosts: ['x'] },
  ],
  [
    'a changed key',
    { applied: { listen: 'a' }, file: { listen: 'c' }, stored: { listen: 'b', hosts: ['x'] } },
    { listen: 'c', hosts: ['x'] },
  ],
  [
    'a changed key beside one that an operator changed',
    {
      applied: { timeouts: { connect: '1s', total: '2s' } },
      file: { timeouts: { connect: '3s', total: '2s' } },
      stored: { timeouts: { connect: '1s', total: '9s', clientIdle: '4s' } },
    },
    { timeouts: { connect: '3s', total: '9s', clientIdle: '4s' } },
  ],
  [
    'a key deleted from the file',
    { applied: { listen: 'a', slowStart: '1s' }, file: { listen: 'a' }, stored: { listen: 'a', slowStart: '1s' } },
    { listen: 'a' },
  ],
  [
    'a key that the file never had',
    { applied: { listen: 'a' }, file: { listen: 'a' }, stored: { listen: 'a', slowStart: '1s' } },
    { listen: 'a', slowStart: '1s' },
  ],
  [
    'a whole map deleted from the file',
    { applied: { timeouts: { connect: '1s' } }, file: {}, stored: { timeouts: { connect: '1s', total: '2s' } } },
    { timeouts: { total: '2s' } },
  ],
  ['the last key of a map', { applied: { timeouts: { connect: '1s' } }, file: {}, stored: { timeouts: { connect: '1s' } } }, {}],
  [
    'a word in place of a map',
    { applied: { health: { path: '/a' } }, file: { health: 'off' }, stored: { health: { path: '/a', rise: 3 } } },
    { health: 'off' },
  ],
  [
    'a map in the file, a word by an operator',
    { applied: { health: { path: '/a', rise: 2 } }, file: { health: { path: '/b', rise: 2 } }, stored: { health: 'off' } },
    { health: { path: '/b', rise: 2 } },
  ],
  [
    'static servers, by id',
    {
      applied: {
        servers: [
          { id: 'a', address: '1' },
          { id: 'b', address: '2' },
        ],
      },
      file: {
        servers: [
          { id: 'b', address: '3' },
          { id: 'c', address: '4' },
        ],
      },
      stored: {
        servers: [
          { id: 'a', address: '1' },
          { id: 'b', address: '2', weight: 5 },
          { id: 'mine', address: '9' },
        ],
      },
    },
    {
      servers: [
        { id: 'b', address: '3', weight: 5 },
        { id: 'c', address: '4' },
        { id: 'mine', address: '9' },
      ],
    },
  ],
  [
    'variables with odd names',
    { applied: { variables: {} }, file: { variables: { constructor: 'x' } }, stored: { variables: { toString: 'y' } } },
    { variables: { constructor: 'x', toString: 'y' } },
  ],
  [
    'sections deleted from the file that not every environment has, after an operator sent them back with their defaults',
    {
      applied: { tls: { acme: { email: 'a' }, clientCertificates: { ca: 'c' } }, servers: [{ id: 'a', address: '1' }] },
      file: { tls: { certificates: ['x'] } },
      stored: {
        tls: { acme: { email: 'a', challenge: 'http-01' }, clientCertificates: { ca: 'c', require: true }, minVersion: '1.2' },
        servers: [
          { id: 'a', address: '1', weight: 1 },
          { id: 'mine', address: '9' },
        ],
      },
    },
    { tls: { certificates: ['x'], minVersion: '1.2' }, servers: [{ id: 'mine', address: '9' }] },
  ],
  ['keys of a newer version', { applied: {}, file: { listen: 'a' }, stored: { tls: { x: 1 } } }, { listen: 'a', tls: { x: 1 } }],
];

for (const [what, states, merged] of cases) {
  t.test(what, async (t) => {
    t.strictSame(mergeSettings(states), merged);
  });
}
