import { readFileSync } from 'node:fs';
import t from 'tap';

const page = readFileSync(new URL('../../docs/http-conformance.md', import.meta.url), 'utf8');
const rows = page.split('\n').filter((line) => /^\| [\d—]/.test(line));

t.test('every test that docs/http-conformance.md names exists', async (t) => {
  t.ok(rows.length > 60, `${rows.length} rows`);
  const missing: string[] = [];
  for (const row of rows) {
    const shown = row.slice(0, -2).split(' | ').at(-1) ?? '';
    if (shown.trim() === '' && row.includes('**Set aside.**')) continue;
    for (const entry of shown.split('<br>')) {
      const [, file = '', name = ''] = /^`([\w./-]+\.test\.ts)` › (.+)$/.exec(entry.trim()) ?? [];
      const text = file === '' ? '' : readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
      const written = [`'${name}'`, `"${name}"`, `\`${name}\``].some((quoted) => text.includes(quoted));
      if (!written) missing.push(`${entry} in: ${row.slice(0, 80)}`);
    }
  }
  t.strictSame(missing, []);
});
