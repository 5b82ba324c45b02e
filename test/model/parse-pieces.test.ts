import t from 'tap';
import { parsePieces } from '../../src/model/parse-pieces.ts';
import { atOnce } from '../../src/model/pieces.ts';
import fc from '../tools/fast-check.ts';

const parse = (text: string) => atOnce(parsePieces(text));

/** A text that is too long to be parsed at once, around the text of a value. */
function around(value: string): string {
  const filling = JSON.stringify('x"\\'.repeat(9000));
  return `{"a" :[\n${filling}\t,${value},{"b":${value},"c":${filling}}], "d":${value}}`;
}

t.test('the pieces are what JSON.parse makes', async () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(undefined, 2), (json, indent) => {
      const text = around(JSON.stringify(JSON.parse(json), null, indent));
      return JSON.stringify(parse(text)) === JSON.stringify(JSON.parse(text));
    }),
    { numRuns: 200 },
  );
});

t.test('what JSON.parse refuses is refused, wherever it stands', async (t) => {
  const valid = around('[1,{"k":"v"},"\\u00e9",true]');
  fc.assert(
    fc.property(
      fc.oneof(fc.nat({ max: 40 }), fc.integer({ min: valid.length - 60, max: valid.length - 1 })),
      fc.constantFrom('', ',', '"', '[', ']', '{', '}', ':', '\\', '1', 'x', ' ', '\u00a0'),
      (at, put) => {
        const text = `${valid.slice(0, at)}${put}${valid.slice(at + 1)}`;
        return outcome(parse, text) === outcome(JSON.parse, text);
      },
    ),
    { numRuns: 1000 },
  );
  const space = ' '.repeat(20_000);
  for (const empty of [`[${space}]`, `${space}{${space}}${space}`, `[{${space}},[${space}]${space}]`])
    t.strictSame(parse(empty), JSON.parse(empty));
  for (const broken of ['', '[', '{', '"', '1', '-', 'nul', '[1,', '{"a"', '{"a":', '{"a":1,', ']', '{1:2}'])
    t.throws(() => parse(`[${JSON.stringify('x'.repeat(20_000))},${broken}`), SyntaxError);
});

function outcome(parser: (text: string) => unknown, text: string): string {
  try {
    return JSON.stringify(parser(text));
  } catch (error) {
    return (error as Error).name;
  }
}

t.test('a long text is parsed in short pieces, however deep it is, and __proto__ is a key like any other', async (t) => {
  const resources = Array.from({ length: 5000 }, (_, index) => ({ path: `/things/number-${index}/{id}`, methods: ['GET', 'POST'] }));
  const text = JSON.stringify({ call: 1, result: [{ project: { resources } }], __proto: 1 }).replace('__proto', '__proto__');
  const pieces = [...parsePieces(text)];
  t.equal(pieces.length, 5000 + 2, 'a piece for each resource, and one for each other value');
  t.equal(JSON.stringify(parse(text)), text);
  t.equal(Object.getPrototypeOf(parse(text)), Object.prototype);
  const deep = 100_000;
  const nested = parse(`${'['.repeat(deep)}${']'.repeat(deep)}`);
  let depth = 0;
  for (let at = nested; Array.isArray(at); at = at[0]) depth++;
  t.equal(depth, deep);
});
