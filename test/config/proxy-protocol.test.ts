import t from 'tap';
import { listenerConflicts } from '../../src/config/listener-conflicts.ts';
import { environmentSpec } from '../../src/model/environment.ts';

const listen = '127.0.0.1:8080';

function conflicts(one: string[], other: string[]): string[] {
  const a = environmentSpec.parse({ listen, proxyProtocol: one });
  const b = environmentSpec.parse({ listen, hosts: ['b.com'], proxyProtocol: other });
  return listenerConflicts('127.0.0.1:7000', { a, b }).map(({ path }) => path.join('.'));
}

t.test('environments on one listener list the same senders of the PROXY protocol', async (t) => {
  t.strictSame(conflicts(['10.0.0.0/8'], []), ['environments.b.proxyProtocol']);
  t.strictSame(conflicts([], ['::1']), ['environments.b.proxyProtocol']);
  t.strictSame(conflicts(['10.0.0.0/8', '::1'], ['::1', '10.0.0.0/8']), []);
});

t.test('a sender is an IP address or a range, and the version for a static server is off, v1 or v2', async (t) => {
  t.notOk(environmentSpec.safeParse({ proxyProtocol: ['lb.example.com'] }).success);
  const server = (proxyProtocol: string) => environmentSpec.safeParse({ servers: [{ id: 'a', address: '127.0.0.1:1', proxyProtocol }] });
  for (const version of ['off', 'v1', 'v2']) t.ok(server(version).success, version);
  t.notOk(server('v3').success);
});
