import { pino } from 'pino';
import t from 'tap';
import { accessLogTo, type ExchangeRecord } from '../../src/proxy/access-log.ts';

const record: ExchangeRecord = {
  id: 'x'.repeat(128),
  client: '127.0.0.1',
  method: 'GET',
  authority: 'api.example.com',
  target: '/pets/1',
  status: 200,
  octets: 5,
  durationMs: 1.5,
  server: 's'.repeat(63),
  aborted: false,
};

t.test('one JSON line a request, however long what the client sent', async (t) => {
  const lines: string[] = [];
  const log = accessLogTo(
    pino({ level: 'info', timestamp: pino.stdTimeFunctions.isoTime }, { write: (line: string) => void lines.push(line) }),
  );
  log(record);
  log({ ...record, method: 'M'.repeat(5000), authority: 'h'.repeat(5000), target: `/${'"\\'.repeat(8000)}` });
  t.match(JSON.parse(lines[0] ?? ''), { log: 'access', ...record });
  t.match(JSON.parse(lines[1] ?? ''), { target: /…$/, authority: /^h+…$/, method: /^M+…$/ });
  t.ok(
    lines.every((line) => Buffer.byteLength(line) <= 4096),
    lines.map((line) => Buffer.byteLength(line)).join(),
  );
});
