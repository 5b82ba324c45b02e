import { test } from 'tap';
import { serverColumns, serverRow } from '../../src/cli/commands/server-table.ts';
import { colourful } from '../../src/cli/terminal/process-terminal.ts';
import { type Column, formatTable } from '../../src/cli/terminal/table.ts';
import { cut, render, widthOf } from '../../src/cli/terminal/text.ts';
import { server, two } from '../control/sample-server.ts';
import fc from '../tools/fast-check.ts';

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

function table(columns: readonly Column[], rows: Parameters<typeof formatTable>[1], width?: number): string[] {
  return formatTable(columns, rows, width).lines.map((line) => render(line, false));
}

test('columns are aligned by the width of characters, numbers to the right', async (t) => {
  t.strictSame(
    table(
      [{ heading: 'NAME' }, { heading: 'N' }, { heading: 'LAST' }],
      [
        ['東京', 7, 'a'],
        ['x', 1234, { text: 'bb', tone: 'good' }],
      ],
    ),
    ['NAME     N  LAST', '東京     7  a', 'x     1234  bb'],
  );
  t.strictSame(table([{ heading: 'A' }, { heading: 'B' }], [['1', '']]), ['A  B', '1'], 'no spaces at the end');
  t.strictSame(table([{ heading: 'A' }, { heading: 'B' }, { heading: 'C' }], [['', '', 'x']]), ['A  B  C', '      x']);
  t.strictSame(table([{ heading: 'EMPTY' }], []), ['EMPTY']);
});

test('servers fit into 80 columns with their whole ids: less important columns are left out first', async (t) => {
  const servers = ['gateway-eu-west-1a-0001', 'gateway-eu-west-1a-0002'].map((id) =>
    serverRow({ ...server, id, address: '192.168.100.17:31337', running: { ...two, version: 12 }, active: 3, requests: 123_456 }),
  );
  const all = formatTable(serverColumns, servers);
  t.strictSame(all.leftOut, [], 'nothing is left out where there is room');
  const narrow = formatTable(serverColumns, servers, 80);
  t.strictSame(narrow.leftOut, ['ADDRESS', 'WEIGHT']);
  for (const width of [80, 60, 40, 34]) {
    const lines = table(serverColumns, servers, width);
    t.match(lines[1], /^gateway-eu-west-1a-0001/, `${width}`);
    for (const line of lines) t.ok(widthOf(line) <= width, line);
  }
  t.match(table(serverColumns, servers, 16)[1], /^gateway…/, 'ids are cut last');
});

test('no line is wider than the terminal, whatever the cells contain', async () => {
  const cell = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.nat(),
    fc.record({ text: fc.string(), tone: fc.constant('bad' as const) }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell, cell), { maxLength: 8 }), fc.integer({ min: 14, max: 120 }), (rows, width) => {
      const columns: Column[] = [
        { heading: 'FIRST' },
        { heading: 'SECOND', least: 6 },
        { heading: 'THIRD', leaveOut: 1 },
        { heading: '4', leaveOut: 2 },
      ];
      return table(columns, rows, width).every((line) => widthOf(line) <= width);
    }),
  );
});
