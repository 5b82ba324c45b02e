import { test } from 'tap';
import { readSource } from '../../src/config/source.ts';
import { SluiceError } from '../../src/model/fault.ts';
import fc from '../tools/fast-check.ts';

const json = fc
  .jsonValue({ maxDepth: 6 })
  .map((value) => JSON.stringify(value))
  .filter((text) => !text.includes('"__proto__"'));

/** Pieces of YAML in random order. */
const garbage = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'-:?[]{},#&*!|>\'"%@`\n\t ~',
        ': ',
        '- ',
        '---\n',
        '...\n',
        '<<: ',
        '&a ',
        '*a',
        '!!set',
        'k: v\n',
        '|\n  x\n',
        '  ',
      ),
      fc.string({ unit: 'binary' }),
    ),
  )
  .map((pieces) => pieces.join(''));

test('JSON is read as JSON.parse reads it, in every layout', async (t) => {
  fc.assert(
    fc.property(json, fc.constantFrom(undefined, 2, '\t'), (text, indent) => {
      const value = JSON.parse(text);
      t.strictSame(readSource(JSON.stringify(value, undefined, indent)).value, value);
    }),
    { numRuns: 300, seed: 1 },
  );
});

test('every text is read, or refused with reasons and existing lines', async (t) => {
  let refused = 0;
  fc.assert(
    fc.property(garbage, (text) => {
      try {
        readSource(text).lineOf(['k', 0, 'x'], 'value');
      } catch (error) {
        if (!(error instanceof SluiceError)) throw error;
        refused++;
        const lines = text.split('\n').length + 1;
        t.ok(
          error.faults.length > 0 && error.faults.every(({ line }) => line === undefined || (line >= 1 && line <= lines)),
          error.message,
        );
      }
    }),
    { numRuns: 2000, seed: 2 },
  );
  t.ok(refused > 200, `${refused} texts were refused`);
});

test('lineOf returns the line of the key, of the value, or of the part that encloses them', async (t) => {
  const { lineOf } = readSource('a:\n  b:\n    - c\n    - d: 1\n');
  t.equal(lineOf(['a', 'b', 1, 'd'], 'value'), 4);
  t.equal(lineOf(['a', 'b'], 'key'), 2);
  t.equal(lineOf(['a', 'b'], 'value'), 3);
  t.equal(lineOf(['a', 'b', 7], 'value'), 2);
  t.equal(lineOf(['z'], 'value'), 1);
  t.equal(readSource('').lineOf(['z'], 'value'), undefined);
});
