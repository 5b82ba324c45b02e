const hex = (character: string) => character.charCodeAt(0).toString(16);

/** One letter of the name, in each encoding that some decoder accepts. */
const letters = [
  ...[...'admin'].map((letter) => '/admin'.replace(letter, `%${hex(letter)}`)),
  ...[...'admin'].map((letter) => '/admin'.replace(letter, `%25${hex(letter)}`)),
  `/${[...'admin'].map((letter) => `%${hex(letter)}`).join('')}`,
  `/${[...'admin'].map((letter) => `%25${hex(letter)}`).join('')}`,
  '/%252561dmin',
  '/%%36%31dmin',
  '/%c1%a1dmin',
  '/%e0%81%a1dmin',
  '/ad%6Din/7',
  '/%u0061dmin',
];

const dots = ['.', '%2e', '%2E', '%252e', '%c0%ae', '%e0%80%ae'];
const parents = dots.flatMap((dot) => [`${dot}${dot}`, `.${dot}`, `${dot};${dot}`]);
const slashes = [
  '/',
  '//',
  '%2f',
  '%2F',
  '%252f',
  '%25252f',
  '%5c',
  '%5C',
  '%255c',
  '\\',
  '%c0%af',
  '%e0%80%af',
  '%c1%9c',
  ';/',
  '%3b/',
  '/;/',
];

/** After the name: separators, parameters, ends of the path, white space. */
const endings = [
  ...slashes.flatMap((slash) => [`/admin${slash}`, `/admin${slash}7`]),
  ...[
    '.',
    '%2e',
    '/.',
    '/%2e',
    '/./7',
    '/x/..',
    '/x/../7',
    '/x/%2e%2e/7',
    '/x%2f../7',
    '/x%2f..%2f7',
    '/x/..%2f7',
    '/x/..;/7',
    '/x/..%3b/7',
  ],
  ...[';', ';x', ';x=1', ';x=1/7', ';/7', ';jsessionid=1', '%3b', '%3Bx', '%3bx=1/7', '%253bx', ';x%2fy', ';x%2f../7', ';%00'],
  ...['?', '?x', '?/../x', '?%2f', '%3f', '%3Fx', '%3f/7', '%253f', '%23', '%23x', '%2523x', '#', '#x'],
  ...['%20', '%20/7', '%09', '%0a', '%0d%0a', '%00', '%00x', '%2500', '%7f', '%a0', '%85', '+', '%ff', '%c0', '%'],
].map((ending) => (ending.startsWith('/admin') ? ending : `/admin${ending}`));

/** Before the name. */
const beginnings = [
  ...slashes.filter((slash) => slash !== '/').flatMap((slash) => [`${slash}admin`, `/${slash}admin`, `/x${slash}..${slash}admin`]),
  ...parents.map((parent) => `/x/${parent}/admin`),
  ...parents.map((parent) => `/x/${parent}%2fadmin`),
  ...['/.', '/%2e', '/./.', '/.;', '/;', '/;x', '/%3b', '/%20', '/%0a', '/x/..;', '/x/..;a=b', '/x/..%3b', '/x/..%00', '/x/..%20'].map(
    (text) => `${text}/admin`,
  ),
  ...['/%ff/..', '/%ff%2f..', '/%ff/%2e%2e', '/x%2f..', '/%2fx/..', '//x', '/\\x', '/%5cx', '//127.0.0.1', '/http://x'].map(
    (text) => `${text}/admin`,
  ),
  '/%0admin',
  '/ad%0amin',
  '/ad%09min/7',
  '/ad%00min',
];

/** Spellings of `/admin`, or of something below it, behind a base path. Some servers read some of them so, and no server all of them. */
export const protectedSpellings: readonly string[] = [...new Set([...letters, ...endings, ...beginnings, '/admin', '/admin/', '/admin/7'])];
