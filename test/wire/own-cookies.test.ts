import t, { type Test } from 'tap';
import { fieldIds } from '../../src/http1/message/field-ids.ts';
import { FieldLines } from '../../src/http1/message/field-lines.ts';
import { parseFieldLines } from '../../src/http1/message/field-parser.ts';
import { hideOwnCookies } from '../../src/proxy/own-cookies.ts';
import fc from '../tools/fast-check.ts';
import { world } from './world.ts';

const own = 'sluice-session-9000=SECRET';

/** Sends these lines; returns the values of the Cookie lines that the server gets. */
async function cookies(t: Test, lines: readonly string[]): Promise<string[]> {
  const w = await world(t);
  const { server } = await w.asked(`GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\n${lines.map((line) => `${line}\r\n`).join('')}B: 2\r\n\r\n`);
  const { fields, raw } = await server.message();
  t.notMatch(raw, 'SECRET');
  t.ok(raw.includes('A: 1\r\n') && raw.includes('B: 2\r\n'));
  return fields.filter(([name]) => name === 'cookie').map(([, value]) => value);
}

t.test("Sluice's own cookies are not passed on; all others are, octet for octet", async (t) => {
  for (const [given, kept] of [
    [own, undefined],
    [`a=1; ${own}`, 'a=1'],
    [`${own}; a=1`, 'a=1'],
    [`a=1; ${own}; b=2`, 'a=1; b=2'],
    [`a="x y";${own};  b="2;3"`, 'a="x y";b="2;3"'],
    [`${own}; sluice-session-443=SECRET`, undefined],
    [`a=1; ${own}; ${own}; sluice-session-1=SECRET; b=\xe9`, 'a=1; b=\xe9'],
    ['sluice-session-9000="SECRET"; a=1', 'a=1'],
    ['sluice-session-9000 = SECRET; a=1', 'a=1'],
    [' \tsluice-session-9000=SECRET\t ', undefined],
    [`$Version=1; ${own}; $Path="/v1/"; $Domain=x; $Port="9000"; a=1; $Path="/"`, '$Version=1; a=1; $Path="/"'],
    [`$Version="1"; ${own}; $Path="/v1/SECRET"`, undefined],
    [`$Version=1, ${own}, a=1`, '$Version=1, a=1'],
    [`a="x; ${own}; b=y"`, 'a="x; b=y"'],
    [`a=1 ${own}; b=2`, 'a=1 b=2'],
    [`a=1;;${own};;b=2`, 'a=1;;;b=2'],
    ['my-sluice-session-9000=mine; sluice-sessions=2; sluice=3', 'my-sluice-session-9000=mine; sluice-sessions=2; sluice=3'],
    ['note=sluice-session-9000', 'note=sluice-session-9000'],
  ] as const) {
    t.strictSame(await cookies(t, [`Cookie: ${given}`]), kept === undefined ? [] : [kept], given);
  }
  t.strictSame(await cookies(t, ['Cookie: a=1', `cookie: ${own}`, `COOKIE: b=2; ${own}`, 'Cookie: c=3']), ['a=1', 'b=2', 'c=3']);
  t.strictSame(await cookies(t, []), []);
});

t.test('cookies of any spelling: the secret never passes, and without it nothing changes', async (t) => {
  const fields = new FieldLines();
  const passed = (value: string) => {
    const bytes = Buffer.from(`Cookie: ${value}\r\n\r\n`, 'latin1');
    fields.reset(bytes, 0);
    if (parseFieldLines(fields, 0, bytes.length, 10) !== bytes.length) throw new Error(`cannot be read: ${value}`);
    hideOwnCookies(fields, 0);
    return fields.id(0) === fieldIds.cookie ? fields.value(0) : '';
  };
  const piece = fc.constantFrom('a=1', 'b="x', 'y"', '"', ';', '; ', ',', ' ', '$Path=/', '$Version=1', '=', 'sluice-session', '-', '\xe9');
  const around = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
  const property = fc.property(around, fc.constantFrom('', ';', '; ', ',', ' ', '"', ';\t'), around, (before, separator, after) => {
    const clean = `${before}${separator}${after}`.trim();
    if (!clean.includes('sluice-session-') && clean !== '' && passed(clean) !== clean) return false;
    const start = before === '' || separator !== '' ? `${before}${separator}` : `${before};`;
    return !passed(`${start}${own};${after}`).includes('SECRET');
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 3000 }));
});

t.test("a response cannot set Sluice's own cookies", async (t) => {
  const w = await world(t);
  const lines = [
    'a=1; Path=/',
    `${own}; Path=/v1/`,
    `SLUICE-session-1=x`,
    `=${own}`,
    ` = ${own}`,
    'my-sluice-session-9000=x',
    'b=sluice-session-9000',
  ];
  const head = lines.map((value) => `Set-Cookie: ${value}\r\n`).join('');
  for (const status of ['200 OK', '103 Early Hints']) {
    const { client, server } = await w.asked('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await server.message();
    server.send(`HTTP/1.1 ${status}\r\n${head}\r\n${status.startsWith('1') ? 'HTTP/1.1 200 OK\r\n\r\n' : ''}`);
    server.end();
    const { fields } = await client.head();
    t.strictSame(
      fields.filter(([name]) => name === 'set-cookie').map(([, value]) => value),
      ['a=1; Path=/', 'my-sluice-session-9000=x', 'b=sluice-session-9000'],
      status,
    );
  }
});
