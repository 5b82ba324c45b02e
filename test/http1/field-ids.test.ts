import t from 'tap';
import { fieldIdOf, fieldIds } from '../../src/http1/message/field-ids.ts';

const idOf = (name: string) => fieldIdOf(Buffer.from(`:${name}:`, 'latin1'), 1, 1 + name.length);

t.test('every known name has its id, in any case', (t) => {
  const ids = Object.values(fieldIds);
  t.equal(new Set(ids).size, ids.length, 'no id twice');
  for (const [name, id] of Object.entries(fieldIds)) {
    if (id === fieldIds.struck) continue;
    t.equal(idOf(name), id, name);
    t.equal(idOf(name.toUpperCase()), id);
    t.equal(idOf(`${name}x`), 0);
    t.equal(idOf(name.slice(1)), 0);
    t.equal(idOf(`${name.slice(0, -1)}~`), 0);
  }
  t.end();
});

t.test('other names have no id', (t) => {
  for (const name of ['struck', 'accept', 'x', 'user-agent', 'cookies', 'host ', 'H\xf3st', 'transfer_encoding', 'x'.repeat(5000)])
    t.equal(idOf(name), 0, name.slice(0, 20));
  t.end();
});
