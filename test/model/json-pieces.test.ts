import fc from 'fast-check';
import t from 'tap';
import { isLarge, jsonPieces, jsonText } from '../../src/model/json-pieces.ts';
import { atOnce } from '../../src/model/pieces.ts';

const leaf = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.constant(undefined));
const { document } = fc.letrec((tie) => ({
  document: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('document'), { maxLength: 90 }), fc.dictionary(fc.string(), tie('document'))),
}));

t.test('the pieces are what JSON.stringify writes', async () => {
  fc.assert(
    fc.property(document, (value) => [...jsonPieces(value)].join('') === (JSON.stringify(value) ?? '')),
    { numRuns: 300 },
  );
});

t.test('no piece of a long list has much more than 16,384 characters, wherever the list stands', async (t) => {
  const servers = Array.from({ length: 4000 }, (_, index) => ({
    id: `server-${index}`,
    state: 'ready',
    projects: [{ name: 'shop', revision: 1 }],
  }));
  for (const value of [
    servers,
    { servers },
    [{ deployments: [{ project: 'shop', servers }] }],
    Object.fromEntries(servers.map((one) => [one.id, one])),
  ]) {
    const pieces = [...jsonPieces(value)];
    t.ok(pieces.length > 10 && pieces.every(({ length }) => length < 20_000), `${pieces.map(({ length }) => length)}`);
    t.ok(isLarge(value));
    t.equal(atOnce(jsonText(value)), JSON.stringify(value));
  }
  t.notOk(isLarge({ id: 'server-1', projects: [{ name: 'shop' }] }));
});
