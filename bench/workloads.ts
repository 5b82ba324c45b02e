/** One kind of request, which is sent repeatedly. */
export interface Workload {
  readonly name: string;
  /** Heading of its column. */
  readonly title: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Length of the request body. */
  readonly bodyBytes: number;
  /** Length of the body with which the upstreams answer. */
  readonly answerBytes: number;
  readonly accessLog: boolean;
  /** Kind of its connections: `plain` and `tls` are kept; a request on `tls-new` and `tls-resumed` has a handshake of its own. */
  readonly connections: 'plain' | 'tls' | 'tls-new' | 'tls-resumed';
  /** Number of connections; default: that of the load. */
  readonly clients?: number;
}

/** Body of the upstreams' answer to a small request. */
export const smallAnswer = '{"hello":"world","items":[1,2,3,4,5,6,7,8,9,10],"text":"some json text of about ninety b"}';

/** Header fields of a browser: about 1 KiB in 25 lines, including those that the client adds, such as Host. */
const browserHeaders = {
  Connection: 'keep-alive',
  'Cache-Control': 'max-age=0',
  'sec-ch-ua': '"Chromium";v="126", "Google Chrome";v="126", "Not-A.Brand";v="8"',
  'sec-ch-ua-mobile': '?0',
  'sec-ch-ua-platform': '"Linux"',
  'sec-ch-ua-arch': '"x86"',
  'sec-ch-ua-bitness': '"64"',
  DNT: '1',
  'Upgrade-Insecure-Requests': '1',
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
  'Sec-Fetch-Site': 'same-origin',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-User': '?1',
  'Sec-Fetch-Dest': 'document',
  Referer: 'http://bench.example/catalogue/garden?page=3&sort=price',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'en-GB,en;q=0.9,de;q=0.8,fr;q=0.7',
  Cookie: 'session=9f3c1b7e5d2a48c6b0e1f4a7d8c92b35; theme=dark; consent=necessary; _ga=GA1.1.1203884921.1718000000',
  Origin: 'http://bench.example',
  Priority: 'u=0, i',
  Pragma: 'no-cache',
  'X-Requested-With': 'XMLHttpRequest',
  'X-Client-Version': '2026.11.2',
};

const small = {
  method: 'GET',
  path: '/',
  headers: {},
  bodyBytes: 0,
  answerBytes: smallAnswer.length,
  accessLog: false,
  connections: 'plain',
} as const;
const medium = { path: '/16k', answerBytes: 16_384 };
const large = { path: '/1m', answerBytes: 1_048_576 };
const tls = { ...small, connections: 'tls' } as const;

/** Workloads without TLS, in the order of the report. */
export const plainWorkloads: readonly Workload[] = [
  { ...small, name: 'small', title: 'small' },
  { ...small, name: 'small-512', title: 'small, 512 clients', clients: 512 },
  { ...small, name: '16k', title: '16 KiB', ...medium },
  { ...small, name: '1m', title: '1 MiB', ...large },
  {
    ...small,
    name: 'post',
    title: 'POST 16 KiB',
    method: 'POST',
    path: '/post',
    headers: { 'Content-Type': 'application/octet-stream' },
    bodyBytes: 16_384,
  },
  { ...small, name: 'headers', title: '25 headers', headers: browserHeaders },
  { ...small, name: 'log', title: 'access log on', accessLog: true },
];

/** Workloads over TLS 1.3. */
export const tlsWorkloads: readonly Workload[] = [
  { ...tls, name: 'tls', title: 'small' },
  { ...tls, name: 'tls-16k', title: '16 KiB', ...medium },
  { ...tls, name: 'tls-1m', title: '1 MiB', ...large },
  { ...tls, name: 'tls-new', title: 'new connection', connections: 'tls-new' },
  { ...tls, name: 'tls-resumed', title: 'resumed connection', connections: 'tls-resumed' },
];

export const workloads = [...plainWorkloads, ...tlsWorkloads];
