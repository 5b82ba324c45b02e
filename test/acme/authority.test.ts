import { once } from 'node:events';
import http from 'node:http';
import { test } from 'tap';
import { AcmeCertificates } from '../../src/acme/acme-certificates.ts';
import { acmeSpec } from '../../src/model/acme.ts';
import { systemClock } from '../../src/model/clock.ts';
import { eventually } from '../tools/eventually.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { MemorySecrets } from '../tools/memory-secrets.ts';
import { Pebble } from '../tools/pebble.ts';

test('a real authority', async (t) => {
  const pebble = await Pebble.start(t, { names: ['a.example', 'b.example'] });
  const spec = acmeSpec.parse({ email: 'ops@example.com', directory: pebble.directory, ca: pebble.ca });
  const store = new MemorySecrets();
  const { logger, lines } = keptLogger();
  const start = () => {
    const certificates = new AcmeCertificates({ store, clock: systemClock, random: Math.random, logger });
    t.teardown(() => certificates.close());
    return certificates;
  };
  const [one, other] = [start(), start()];
  const server = http.createServer((request, response) => {
    const token = request.url?.split('/').at(-1) ?? '';
    response.end(one.answers?.http[token] ?? 'none');
  });
  server.listen(pebble.httpPort, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const wanted = new Map([
    ['a.example', spec],
    ['b.example', spec],
  ]);
  setTimeout(
    () =>
      console.log(
        JSON.stringify(lines, undefined, 1),
        pebble.requests.map((r) => r.path + JSON.stringify(r.payload)),
        one.states,
      ),
    8000,
  ).unref();
  one.want(wanted);
  other.want(wanted);
  await eventually(
    () => [one, other].flatMap(({ states }) => states.map(({ certificate }) => certificate?.fingerprint)),
    (all) => all.every((each) => each !== undefined),
    { what: 'certificates' },
  );
  t.equal(pebble.orders, 2);
  console.log(
    lines.map((l) => l.msg),
    one.states,
  );
});
