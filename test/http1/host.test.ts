import t from 'tap';
import { isHost } from '../../src/http1/message/host.ts';

const accepts = (text: string) => isHost(Buffer.from(`x${text}y`, 'latin1'), 1, 1 + text.length);

t.test('valid hosts', (t) => {
  for (const text of [
    'a',
    'localhost',
    'API.example.com',
    'a_b.example.com.',
    'xn--bcher-kva.example',
    '127.0.0.1',
    '127.0.0.1:80',
    'a:',
    'a:0',
    'a:65535',
    'a:00080',
    '[::1]',
    '[::1]:8080',
    '[2001:DB8::a:1]:1',
    '[::ffff:10.0.0.1]',
    'a%2db',
    'a%2D',
    "a!$&'()*+,;=~b",
  ]) {
    t.equal(accepts(text), true, text);
  }
  t.end();
});

t.test('invalid hosts', (t) => {
  for (const text of [
    '',
    ':',
    ':80',
    'a:b',
    'a:-1',
    'a:+1',
    'a:65536',
    'a:80:80',
    'a:80 ',
    'a b',
    'a/',
    'a?',
    'a#b',
    'a\\b',
    'user@a',
    'user:pw@a',
    'a"b',
    'a<b',
    'a[b]',
    'a%',
    'a%2',
    'a%zz',
    'a|b',
    'a^b',
    'a`b',
    'a{b}',
    '\xe4',
    'a\0',
    '[::1',
    '[]',
    '[::1]80',
    '[::1]a',
    '[127.0.0.1]',
    '[::g]',
    '[1::2::3]',
    '[fe80::1%25eth0]',
    '[fe80::1%eth0]',
    '[v1.a]',
    '::1',
    ']',
    '[:::1]',
  ]) {
    t.equal(accepts(text), false, text);
  }
  t.end();
});
