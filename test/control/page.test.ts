import { test } from 'tap';
import { PackedText } from '../../src/control/routes/packed-text.ts';
import { controlUnderTest } from './control-under-test.ts';

const withoutToken = { headers: { authorization: '' } };
const texts = { '/': '<!doctype html><title>x</title>', '/dashboard.js': 'export {};', '/dashboard.css': 'a {}', '/icon.svg': '<svg/>' };
const page = Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, PackedText.of(text)]));

test('the dashboard is served without a token, cannot be framed, and loads nothing from other origins', async (t) => {
  const { ask } = await controlUnderTest(t, { page });
  for (const [path, type] of [
    ['/', 'text/html'],
    ['/dashboard.js', 'text/javascript'],
    ['/dashboard.css', 'text/css'],
    ['/icon.svg', 'image/svg+xml'],
  ] as const) {
    const answer = await ask('GET', path, withoutToken);
    t.equal(answer.status, 200, path);
    t.equal(answer.body, texts[path]);
    t.equal(answer.headers.get('content-type'), `${type}; charset=utf-8`);
    const policy = answer.headers.get('content-security-policy') ?? '';
    t.match(policy, /default-src 'none'/);
    t.match(policy, /frame-ancestors 'none'/);
    t.notMatch(policy, /unsafe|\*|https?:/);
    t.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    t.equal(answer.headers.get('x-frame-options'), 'DENY');
    t.equal((await ask('GET', path, { headers: { 'if-none-match': answer.headers.get('etag') ?? '' } })).status, 304);
  }
  t.equal((await ask('GET', '/v1/servers', withoutToken)).status, 401, 'its data needs a token');
});

test('without a built dashboard, / says how to build it', async (t) => {
  const { ask } = await controlUnderTest(t);
  const answer = await ask('GET', '/', withoutToken);
  t.equal(answer.status, 503);
  t.match(answer.body.detail, /npm run build/);
});

test('all who ask for a packed text in a row share one unpacked one', async (t) => {
  const text = PackedText.of('long '.repeat(1000));
  const [one, other] = await Promise.all([text.read(), text.read()]);
  t.equal(one.toString(), 'long '.repeat(1000));
  t.equal(one, other);
  t.equal(await text.read(), one, 'also the next one');
});
