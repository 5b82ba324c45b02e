import t from 'tap';
import { hideKeys, hideKeysInPieces } from '../../src/model/hidden-keys.ts';
import { atOnce } from '../../src/model/pieces.ts';

const key = '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----';
const many = (entry: unknown) => Array.from({ length: 1000 }, () => entry);

t.test('keys are hidden in pieces as at once, wherever they stand in a large value', async (t) => {
  for (const value of [
    { plain: many({ a: 'text', b: [1, null, true] }) },
    { list: many({ a: 'text' }), tls: { key, hmac: 'secret' } },
    { list: [...many({ a: 'text' }), { deep: { list: ['x', key] } }] },
    { list: many('x'), hmac: ['one', 'two'], more: { hmac: [...many('x'), ''] } },
    [...many(1), key],
    key,
  ]) {
    t.strictSame(atOnce(hideKeysInPieces(value)), hideKeys(value));
    t.notMatch(JSON.stringify(atOnce(hideKeysInPieces(value))), /MIIB|secret|two/);
  }
  const plain = { list: many({ a: 'text' }) };
  t.equal(atOnce(hideKeysInPieces(plain)), plain, 'a value without keys stays the same object');
  t.ok([...hideKeysInPieces(plain)].length > 500, 'each entry of a long list is a piece');
});
