import { test } from 'tap';
import { nearest } from '../../src/config/nearest.ts';

test('finds the word that was meant, if any', async (t) => {
  const known = ['listen', 'hosts', 'headerBytes', 'bodyBytes', 'requestHead', 'responseHead'];
  for (const [word, meant] of [
    ['lisen', 'listen'],
    ['lsiten', 'listen'],
    ['Hosts', 'hosts'],
    ['header_bytes', 'headerBytes'],
    ['headerbyte', 'headerBytes'],
    ['respondHead', 'responseHead'],
    ['port', undefined],
    ['zzz', undefined],
    ['', undefined],
    ['listen'.repeat(1000), undefined],
  ] as const) {
    t.equal(nearest(word, known), meant, word.slice(0, 20));
  }
  t.equal(nearest('x', []), undefined);
});
