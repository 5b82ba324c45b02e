import fc from 'fast-check';
import { test } from 'tap';
import { colourful } from '../../src/cli/terminal/process-terminal.ts';
import { cut, render, widthOf } from '../../src/cli/terminal/text.ts';

test('text is cut by its width on the terminal, never inside a character', async (t) => {
  t.equal(cut('gateway-1', 9), 'gateway-1');
  t.equal(cut('gateway-1', 8), 'gateway…');
  t.equal(cut('東京ゲートウェイ', 7), '東京ゲ…');
  t.equal(cut('東京', 3), '東…');
  t.equal(cut('東京', 2), '…', 'a wide character is not cut in half');
  t.equal(cut('👩‍👩‍👧‍👦 family', 4), '👩‍👩‍👧‍👦 …');
  t.equal(cut('e\u0301te\u0301', 2), 'e\u0301…');
  t.equal(cut('abc', 0), '');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(30), (text, width) => {
      const shown = cut(text, width);
      return widthOf(shown) <= width && (shown === text || widthOf(text) > width);
    }),
  );
});

test('foreign text cannot control or colour the terminal', async (t) => {
  const hostile = 'up\u001b[2J\u001b]0;title\u0007\r\n\u202edlrow';
  for (const colours of [true, false]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression is about control characters
    t.notMatch(render(hostile, colours), /[\u0000-\u001f\u202e]/);
  }
  t.equal(render({ text: 'up\u001b[31m', tone: 'good' }, true), '\u001b[32mup [31m\u001b[39m');
  t.equal(render({ text: 'up', tone: 'good' }, false), 'up');
  t.equal(render(['a ', { text: 'down: refused', tone: 'bad' }, ' b'], false, 8), 'a down:…', 'cut across pieces');
});

test('colours follow NO_COLOR, FORCE_COLOR and TERM', async (t) => {
  const table: [isTTY: boolean, env: Record<string, string>, colours: boolean][] = [
    [true, { TERM: 'xterm' }, true],
    [true, {}, true],
    [false, { TERM: 'xterm' }, false],
    [true, { TERM: 'dumb' }, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ];
  for (const [isTTY, env, colours] of table) t.equal(colourful({ isTTY }, env), colours, JSON.stringify([isTTY, env]));
});
