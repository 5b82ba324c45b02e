import assert from 'node:assert/strict';
import t from 'tap';
import { EditedFields } from '../../src/http1/message/edited-fields.ts';
import { FieldNames, foldName } from '../../src/http1/message/field-name.ts';
import fc from '../tools/fast-check.ts';
import { readChunked, readRequest } from './reading.ts';

type Line = readonly [name: string, value: string];
type Edit =
  | { readonly kind: 'set' | 'add'; readonly name: string; readonly value: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'removeAll'; readonly names: readonly string[] };

/** The same edits on a list of lines, written as plainly as possible. */
class ListOfLines {
  lines: Line[];
  readonly #removed: string[] = [];

  constructor(received: readonly Line[]) {
    this.lines = [...received];
  }

  edit(edit: Edit): void {
    const removed = edit.kind === 'removeAll' ? edit.names : edit.kind === 'add' ? [] : [edit.name];
    for (const name of removed.map(foldName)) {
      this.lines = this.lines.filter(([other]) => foldName(other) !== name);
      this.#removed.push(name);
    }
    if (edit.kind === 'set' || edit.kind === 'add') this.lines.push([edit.name, edit.value]);
  }

  all(name: string): string[] {
    return this.lines.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }

  forwards(trailer: string): boolean {
    return !this.#removed.includes(foldName(trailer));
  }
}

// Names that differ in case only, names that CGI reads as the same, a name of hop-by-hop, and a nominated one.
const names = [
  'Vary',
  'vary',
  'X-User',
  'x_user',
  'X.USER',
  'x-user',
  'X-Users',
  'Set-Cookie',
  'Cache-Control',
  'TE',
  'Nominated',
] as const;
const name = fc.constantFrom(...names);
const value = fc
  .oneof(fc.constantFrom('', 'a', 'a, b', '"x";q=1', '\xe9'), fc.string({ unit: fc.constantFrom(...'abc,= \t'), maxLength: 12 }))
  .map((text) => text.trim());
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constantFrom('set' as const, 'add' as const), name, value }),
  fc.record({ kind: fc.constant('remove' as const), name }),
  fc.record({ kind: fc.constant('removeAll' as const), names: fc.array(name, { maxLength: 3 }) }),
);

t.test('edits have the effect that they have on a list of lines, and cover trailers', (t) => {
  const property = fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), fc.array(edit, { maxLength: 8 }), (received, edits) => {
    const text = received.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const { head } = readRequest(`GET / HTTP/1.1\r\nHost: a\r\nConnection: nominated\r\n${text}\r\n`);
    const fields = new EditedFields(head.fields);
    const model = new ListOfLines([['Host', 'a'], ...received.filter(([name]) => name !== 'TE' && name !== 'Nominated')]);
    const check = () => {
      assert.deepEqual(fields.entries(), model.lines);
      for (const name of names) {
        const values = model.all(name);
        assert.deepEqual(fields.all(name), values);
        assert.equal(fields.get(name), values.length === 0 ? undefined : values.join(', '));
      }
    };
    for (const step of edits) {
      if (step.kind === 'removeAll') fields.removeAll(new FieldNames(step.names));
      else if (step.kind === 'remove') fields.remove(step.name);
      else fields[step.kind](step.name, step.value);
      model.edit(step);
      check();
    }
    const kept = head.fields
      .entries()
      .flatMap(([name, value], line) => (head.fields.id(line) < 0 || fields.struck(line) ? [] : `${name}: ${value}\r\n`));
    const wanted = model.lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    assert.equal(kept.join('') + fields.addedLines, wanted);
    const trailers = readChunked(`0\r\n${names.map((name) => `${name}: 1\r\n`).join('')}\r\n`).trailers;
    if (trailers === undefined) throw new Error('no trailers');
    for (const [line, name] of names.entries()) assert.equal(fields.removes(trailers, line), !model.forwards(name), name);
  });
  // An assertion of tap for each comparison would take longer than all of them.
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
  t.end();
});

t.test('names and values that would break the head are refused, and change nothing', (t) => {
  const { head } = readRequest('GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\n');
  const fields = new EditedFields(head.fields);
  for (const bad of ['', 'x a', 'x\r\n', 'x:', 'ä', '€', '\0', `${'x'.repeat(100)} `]) {
    for (let again = 0; again < 2; again++) {
      t.throws(() => fields.set(bad, 'a'), TypeError, JSON.stringify(bad));
      t.throws(() => fields.add(bad, 'a'), TypeError);
    }
  }
  for (const bad of ['a\r\nb: c', '\n', '\0', '\x7f', '€']) {
    t.throws(() => fields.set('x-a', bad), TypeError, JSON.stringify(bad));
    t.throws(() => fields.add('x-a', bad), TypeError);
  }
  t.strictSame(fields.entries(), [
    ['Host', 'a'],
    ['X-A', '1'],
  ]);
  t.equal(fields.addedLines, '');
  t.end();
});
