import t from 'tap';
import { fieldIdOf, fieldIds } from '../../src/http1/message/field-ids.ts';
import { FieldLines } from '../../src/http1/message/field-lines.ts';
import { scanFieldLines, scannedOctets } from '../../src/http1/message/field-scanner.ts';
import { readRequest } from './reading.ts';

function scan(text: string, most = 128): { end: number; fields: FieldLines } {
  const octets = scannedOctets as Buffer;
  const fields = new FieldLines();
  octets.fill('\r\n');
  const length = octets.write(text, 0, 'latin1');
  fields.reset(octets, 0);
  return { end: scanFieldLines(fields, 0, length, most), fields };
}

t.ok(scannedOctets, 'this machine has vectors');

t.test('lines are found with the ids of their names, however these are written', async (t) => {
  for (const [name, id] of Object.entries(fieldIds)) {
    if (id === fieldIds.struck) continue;
    for (const written of [name, name.toUpperCase(), `${name}x`, `x${name}`, name.slice(1)]) {
      const { end, fields } = scan(`${written}: a b \t\r\nX:\r\n\r\n`);
      t.equal(end, written.length + 15, written);
      t.equal(fields.id(0), fieldIdOf(fields.bytes, 0, written.length), written);
      t.strictSame(
        fields.entries(),
        [[written, 'a b'] as const, ['X', '']].map((line) => [...line]),
      );
    }
  }
});

t.test('what is not plain and complete is left to the parser that goes octet by octet', async (t) => {
  t.equal(scan('A: b\r\nC: d\r\n\r\n', 1).end, 0, 'more lines than allowed');
  for (const text of [
    'A: b\r\n',
    'A: b',
    'A',
    '',
    'A_b: c\r\n\r\n',
    'A : b\r\n\r\n',
    ': b\r\n\r\n',
    ' A: b\r\n\r\n',
    'A: b\n\r\n',
    'A: \0\r\n\r\n',
  ])
    t.equal(scan(text).end, 0, JSON.stringify(text));
});

t.test('names and values of every length are read alike in vectors and octet by octet', async (t) => {
  for (let length = 1; length < 70; length++) {
    const { head, code } = readRequest(
      `GET / HTTP/1.1\r\nHost: a\r\n${'n'.repeat(length)}:${' '.repeat(length % 3)}${'v'.repeat(length)}\r\n\r\n`,
    );
    t.equal(code, undefined);
    t.strictSame(head.fields.entries()[1], ['n'.repeat(length), 'v'.repeat(length)]);
  }
  // `readRequest` compares both.
  for (let octet = 0; octet < 256; octet++) {
    const given = String.fromCharCode(octet);
    for (let before = 0; before < 18; before++) {
      const fill = 'x'.repeat(before);
      readRequest(`GET / HTTP/1.1\r\nHost: a\r\n${fill}${given}y: z\r\n${fill}: ${fill}${given}\r\n\r\n`);
      readRequest(`GET / HTTP/1.1\r\nHost: a\r\nx:${fill}${given}\r\n${given}\r\n`);
    }
  }
});
