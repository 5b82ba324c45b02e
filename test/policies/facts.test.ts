import t from 'tap';
import { FakeClock } from '../tools/fake-clock.ts';
import { policyServices } from '../tools/policy-services.ts';
import { FakeContext, faultsOf, policyOf } from './run-policy.ts';
import { serveProject } from './served-project.ts';

const caller = {
  consumer: 'Zoë',
  claims: {
    sub: 'u-1',
    age: 7,
    admin: true,
    scopes: ['a', 'b'],
    none: null,
    deep: { a: 1 },
    lines: 'a\r\nevil: 1',
    empty: [],
    mixed: ['a', {}],
  },
};

t.test('headers: values tell of request, client and caller', async (t) => {
  const set = {
    'x-id': '${request.id}',
    'x-client': '${client.address}',
    'x-consumer': 'by ${consumer}!',
    'x-sub': '${claims.sub}/${claims.age}/${claims.admin}',
    'x-scopes': '${claims.scopes}',
  };
  const run = (settings: object, given: ConstructorParameters<typeof FakeContext>[0]) => {
    const context = new FakeContext(given);
    t.equal(policyOf({ headers: settings }, context.response ? 'proxyResponse' : 'proxyRequest').run(context), undefined);
    return (context.response ?? context.request).headers.lines;
  };
  const expected = [
    ['x-id', 'id-1'],
    ['x-client', '192.0.2.1'],
    ['x-consumer', `by ${Buffer.from('Zoë').toString('latin1')}!`],
    ['x-sub', 'u-1/7/true'],
    ['x-scopes', 'a,b'],
  ];
  t.same(run({ set }, { caller }), expected);
  t.same(run({ set }, { caller, response: {} }), expected, 'of the response, too');
  const forged = { 'x-consumer': 'forged', 'X-SUB': 'forged' };
  t.same(run({ set }, { headers: forged }), expected.slice(0, 2), 'a client cannot claim to be another one');
  for (const claim of ['none', 'deep', 'lines', 'empty', 'mixed', 'absent', 'toString', '__proto__', 'constructor'])
    t.same(
      run({ set: { a: `\${claims.${claim}}` }, add: { b: [`x\${claims.${claim}}`, 'y'] } }, { caller, headers: { a: 'forged' } }),
      [['b', 'y']],
      claim,
    );
  t.same(run({ set: { a: '${claims.a b}' } }, { caller: { claims: { 'a b': 'c' } } }), [['a', 'c']]);
  for (const wrong of ['${claims.}', '${claims}', '${consumer.name}', '${client}', '${request.header.x-a}', '${request.id', '${toString}'])
    t.match(
      faultsOf({ headers: { set: { a: wrong } } }).join(),
      /is not a reference to a variable; write .*\$\{consumer\}.*\$\{claims\.NAME\}/,
      wrong,
    );
});

t.test('log: writes a line for each exchange, with the facts known at its end', async (t) => {
  const written: string[] = [];
  const services = policyServices({ clock: new FakeClock(), lines: { write: (line) => written.push(line) } });
  const fields = { consumer: '${consumer}', tenant: 'of ${request.header.X-Tenant}', where: 'north', sub: '${claims.sub}' };
  const shop = await serveProject(
    t,
    {
      policies: { proxyRequest: [{ log: { fields, level: 'warn' } }, { apiKey: { header: 'x-key', keys: ['k'] } }] },
      resources: [{ path: '/a' }],
    },
    services,
  );
  t.match(await shop.send('GET', '/shop/a?secret=1', { 'x-key': 'k', 'x-tenant': '"é\t' }), { status: 200 });
  t.match(await shop.send('POST', '/shop/a'), { status: 401 });
  t.match(await shop.send('GET', '/shop/none'), { status: 404 });
  t.equal(written.length, 2, 'requests without a resource have no policies');
  const [first, second] = written.map((line) => {
    t.match(line, /^[\x20-\x7e]+\n$/);
    return JSON.parse(line);
  });
  t.match(first, {
    time: '2023-11-14T22:13:20.000Z',
    log: 'policy',
    level: 'warn',
    project: 'shop',
    id: /^[\w-]+$/,
    client: '127.0.0.1',
    method: 'GET',
    path: '/shop/a',
    status: 200,
    octets: 2,
    durationMs: Number,
    aborted: false,
    tenant: 'of "é',
    where: 'north',
  });
  t.notOk('consumer' in first || 'sub' in first, 'what is not known is left out');
  t.match(second, { status: 401, method: 'POST' });
  t.notOk('tenant' in second);
});

t.test('log: lines are bounded', async (t) => {
  const written: string[] = [];
  const services = policyServices({ lines: { write: (line) => written.push(line) } });
  const fields = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`f${index}`, '${request.header.x-long}']));
  const policy = policyOf({ log: { fields } }, 'proxyRequest', services);
  for (const long of ['x'.repeat(60_000), '\xff'.repeat(60_000), '\0'.repeat(9000), '\ud83d\ude00'.repeat(200)]) {
    const context = new FakeContext({ headers: { 'x-long': long }, target: `/${'ü'.repeat(9000)}` });
    policy.run(context);
    context.ends();
    const line = written.pop() as string;
    t.ok(line.length <= 4096 && line.endsWith('}\n'), `${line.length} octets`);
    const { omitted, ...rest } = JSON.parse(line);
    t.equal(omitted + Object.keys(rest).filter((key) => /^f\d/.test(key)).length, 32);
    for (const value of Object.values(rest)) t.ok(String(value).length <= 256);
  }
});

t.test('log: faulty settings are refused', async (t) => {
  const field = (text: unknown) => ({ fields: { a: text } });
  const cases: [settings: object, fault: RegExp][] = [
    [{ level: 'trace' }, /log\.level/],
    [{ fields: { status: 'x' } }, /fields\.status: .*every line has/],
    [{ fields: { 'a b': 'x' } }, /must be a name/],
    [{ fields: { '': 'x' } }, /must be a name/],
    [field('${request.header.}'), /is not a reference/],
    [field('${request.header.a b}'), /is not a reference/],
    [field('${request.body}'), /is not a reference/],
    [field('${request.header.Authorization}'), /field that holds secrets/],
    [field('a ${request.header.x} ${request.header.COOKIE}'), /field that holds secrets/],
    [field({}), /must be text/],
    [{ fields: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`f${index}`, 'x'])) }, /more than 32 fields/],
    [{ field: {} }, /did you mean "fields"/],
  ];
  for (const [settings, fault] of cases) t.match(faultsOf({ log: settings }).join(), fault, JSON.stringify(settings));
  t.same(faultsOf({ log: {} }), []);
  t.match(faultsOf({ log: {} }, 'proxyResponse'), [/cannot run at proxyResponse/]);
});
