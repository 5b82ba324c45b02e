import t from 'tap';
import { accessLogTo } from '../../src/access-log/access-log.ts';
import type { AccessLogFormat, ExchangeRecord } from '../../src/access-log/contract.ts';
import { batchOctets } from '../../src/access-log/log-file.ts';
import fc from '../tools/fast-check.ts';

const record: ExchangeRecord = {
  id: 'x'.repeat(128),
  client: '127.0.0.1',
  method: 'GET',
  scheme: 'https',
  authority: 'api.example.com',
  target: '/pets/1?page=2',
  minor: 1,
  referer: undefined,
  userAgent: 'curl/8.5',
  status: 200,
  octets: 5,
  durationMs: 12.0305,
  server: 's'.repeat(63),
  aborted: false,
};

/** Texts as clients send them: one octet for each character. */
const octets = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 50 }).map((codes) => String.fromCharCode(...codes));

function linesOf(
  format: AccessLogFormat,
  records: readonly Partial<ExchangeRecord>[],
  date = () => Date.UTC(2026, 1, 3, 4, 5, 6, 7),
): string[] {
  const lines: string[] = [];
  const log = accessLogTo({ write: (line) => void lines.push(line) }, format, {
    clock: { date },
    worker: format === 'json' ? 3 : undefined,
  });
  for (const each of records) log({ ...record, ...each });
  return lines;
}

t.test('a JSON line has every field of the record, under the same names', async (t) => {
  const [line = '', other = ''] = linesOf('json', [
    {},
    { server: undefined, userAgent: undefined, referer: 'http://x/', aborted: true, status: 0 },
  ]);
  const { minor, referer, ...said } = record;
  t.strictSame(JSON.parse(line), { ...said, time: '2026-02-03T04:05:06.007Z', log: 'access', worker: 3, durationMs: 12.031 });
  t.match(JSON.parse(other), { referer: 'http://x/', aborted: true, status: 0 });
  t.notMatch(JSON.parse(other), { server: String });
});

t.test('a combined line is what Apache and nginx would write', async (t) => {
  const [line, left] = linesOf('combined', [{ referer: 'http://x/"\\' }, { status: 0, octets: 0, userAgent: 'a\u00e9\t\r\nb', minor: 0 }]);
  t.equal(line, '127.0.0.1 - - [03/Feb/2026:04:05:06 +0000] "GET /pets/1?page=2 HTTP/1.1" 200 5 "http://x/\\"\\\\" "curl/8.5"\n');
  t.equal(left, '127.0.0.1 - - [03/Feb/2026:04:05:06 +0000] "GET /pets/1?page=2 HTTP/1.0" 499 0 "-" "a\\xe9\\x09\\x0d\\x0ab"\n');
});

t.test('times follow the clock, backwards too', async (t) => {
  const times = [1_000, 1_001, 1_999, 2_000, 61_000, 500, 1_700_000_000_123.75];
  const next = () => {
    const rest = [...times];
    return () => rest.shift() as number;
  };
  const all = times.map(() => ({}));
  t.strictSame(
    linesOf('json', all, next()).map((line) => JSON.parse(line).time),
    times.map((time) => new Date(time).toISOString()),
  );
  const combined = linesOf('combined', all, next()).map((line) => /\[(\d+)\/(\w+)\/(\d+):(\S+) \+0000\]/.exec(line)?.slice(1) ?? []);
  t.strictSame(
    combined.map(([day, month, year, clock]) => Date.parse(`${day} ${month} ${year} ${clock} UTC`)),
    times.map((time) => Math.floor(time / 1000) * 1000),
  );
});

t.test('whatever a client sends, it stays in its field of one line, and can be read back', async () => {
  const field = /"((?:[^"\\]|\\.)*)"/g;
  const texts = fc.record({ authority: octets, target: octets, referer: octets, userAgent: octets });
  const clientCertificate = 'CN=\u4f8b "a\\, b"';
  fc.assert(
    fc.property(texts, (given) => {
      const [json = ''] = linesOf('json', [{ ...given, clientCertificate }]);
      const [combined = ''] = linesOf('combined', [given]);
      for (const line of [json, combined]) if (!/^[ -~]+\n$/.test(line)) throw new Error(`not one line of ASCII: ${JSON.stringify(line)}`);
      const said = JSON.parse(json) as Record<string, string>;
      for (const [name, text] of Object.entries({ ...given, clientCertificate }))
        if (said[name] !== text) throw new Error(`${name} is ${said[name]}, not ${text}`);
      const read = [...combined.matchAll(field)].map(([, text = '']) =>
        text.replace(/\\(x([0-9a-f]{2})|["\\])/g, (sequence, _, hex) =>
          hex ? String.fromCharCode(Number.parseInt(hex, 16)) : sequence.charAt(1),
        ),
      );
      const wanted = [`GET ${given.target} HTTP/1.1`, given.referer, given.userAgent];
      if (read.join('\0') !== wanted.join('\0')) throw new Error(`${JSON.stringify(read)}, not ${JSON.stringify(wanted)}`);
    }),
    { numRuns: 500 },
  );
});

t.test('a line of any length fits into PIPE_BUF, so that it stays whole in a shared pipe', async (t) => {
  const hostile = ['a', '"', '\\', '\u0000', '\u00ff'].map((character) => character.repeat(20_000));
  for (const text of hostile) {
    const long = {
      id: 'x'.repeat(128),
      method: text,
      authority: text,
      target: text,
      referer: text,
      userAgent: text,
      clientCertificate: text,
      octets: 2 ** 53,
      durationMs: 1e9,
    };
    for (const format of ['json', 'combined'] as const) {
      const [line = ''] = linesOf(format, [long]);
      t.ok(line.length <= batchOctets, `${format}: ${line.length}`);
      t.match(line, /\.\.\./, 'a text that is cut off is marked');
      if (format === 'json') t.match(JSON.parse(line).target, /\.\.\.$/);
    }
  }
  const [exact = ''] = linesOf('json', [{ target: `/${'a'.repeat(1_599)}` }]);
  t.equal(JSON.parse(exact).target.length, 1_600, 'a text that just fits is not cut off');
});
