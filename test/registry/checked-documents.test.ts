import t from 'tap';
import { CheckedDocuments } from '../../src/registry/rules/checked-documents.ts';

/** Documents of which at most 20 characters are kept, and the texts that were read. */
function setUp() {
  const documents = new CheckedDocuments(20);
  const read: string[] = [];
  const get = (name: string, text: string, revision = 1) =>
    documents.get({ kind: 'server', name, revision, text }, () => {
      read.push(text);
      return { text };
    });
  return { documents, read, get };
}

t.test('a text is read once, and another text of the same document anew', async (t) => {
  const { read, get } = setUp();
  t.equal(get('a', 'one'), get('a', 'one', 2), 'the very same value');
  t.strictSame(get('a', 'two'), { text: 'two' });
  t.strictSame(get('a', 'one'), { text: 'one' }, 'never what another text said');
  t.strictSame(read, ['one', 'two', 'one']);
});

t.test('the document used least recently gives way, and one that does not exist is forgotten', async (t) => {
  const { documents, read, get } = setUp();
  for (const name of ['a', 'b', 'a', 'c']) get(name, `${name}-7 chars`.slice(0, 9));
  t.equal(documents.length, 18);
  get('a', 'a-7 chars');
  get('b', 'b-7 chars');
  t.strictSame(read, ['a-7 chars', 'b-7 chars', 'c-7 chars', 'b-7 chars'], 'b gave way to c');
  get('d', 'x'.repeat(21));
  t.equal(documents.length, 18, 'one that is longer than all may be is not kept');
  documents.forget({ kind: 'server', name: 'a' });
  documents.forget({ kind: 'server', name: 'b' });
  t.equal(documents.length, 0);
});

t.test('a document that cannot be read is tried again', async (t) => {
  const documents = new CheckedDocuments();
  const stored = { kind: 'server', name: 'a', revision: 1, text: '{' } as const;
  const fail = () => {
    throw new Error('damaged');
  };
  t.throws(() => documents.get(stored, fail), /damaged/);
  t.equal(
    documents.get(stored, () => 'read'),
    'read',
  );
});

t.test('the number of a kept document counts only in the registry that has it', async (t) => {
  const documents = new CheckedDocuments();
  const stored = { kind: 'revision', name: 'a@1', revision: 7, text: 'one' } as const;
  documents.get(stored, () => 1);
  t.equal(documents.known(stored, undefined), undefined, 'it was read from no known registry');
  documents.get(stored, () => 1, 'first');
  t.match(documents.known(stored, 'first'), { revision: 7, text: 'one' });
  t.equal(documents.known(stored, 'second'), undefined);
  documents.get({ ...stored, revision: 3 }, () => 2, 'second');
  t.match(documents.known(stored, 'second'), { revision: 3, text: 'one' });
  t.equal(documents.known({ kind: 'revision', name: 'b@1' }, 'second'), undefined);
});
