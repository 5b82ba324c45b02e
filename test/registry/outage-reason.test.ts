import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import t from 'tap';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { startShortLeased } from '../flow/short-leases.ts';
import { eventually } from '../tools/eventually.ts';
import { keptLogger } from '../tools/fake-logger.ts';
import { listening } from '../tools/listening.ts';
import { startRedis } from '../tools/redis.ts';

const quick = { random: () => 0 };

/** The message with which calls are refused at present. */
async function refusal(registry: Awaited<ReturnType<typeof openRegistry>>): Promise<string> {
  return registry.environments().then(
    () => 'no refusal',
    ({ message }: Error) => message,
  );
}

/** A balancer that answers attempts to join as told: a status, or no answer at all. */
async function startRefusing(t: Parameters<typeof listening>[0], answers: (number | 'closed')[], last: () => number | 'closed') {
  const counts = { attempts: 0 };
  const server = createHttpServer();
  server.on('upgrade', (_request, socket) => {
    // The gateway may be gone before the answer.
    socket.on('error', () => {});
    counts.attempts++;
    const answer = answers.shift() ?? last();
    if (answer === 'closed') socket.destroy();
    else socket.end(`HTTP/1.1 ${answer} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  });
  return { url: `http://${await listening(t, server)}`, counts };
}

t.test('a refused token stays the reason, until the balancer gives another one', async (t) => {
  const { logger, lines } = keptLogger();
  let last: number | 'closed' = 'closed';
  const { url, counts } = await startRefusing(t, [401, 429, 503, 'closed', 429], () => last);
  const registry = await openRegistry({ url, token: 'wrong', logger, ...quick });
  t.teardown(() => registry.close());
  for (const until of [1, 2, 3, 4, 5, 7]) {
    await eventually(
      () => counts.attempts,
      (attempts) => attempts >= until,
    );
    t.match(await refusal(registry), /refused the token \(401\): give its join token by --token/);
    t.match(registry.link.reason, /refused the token/);
  }
  const warnings = () => lines.filter(({ level }) => level >= 40).map(({ reason }) => String(reason));
  t.equal(warnings().length, 1, 'logged once');
  last = 404;
  await eventually(
    () => refusal(registry),
    (said) => /status 404.*control address/.test(said),
  );
  last = 'closed';
  const { attempts } = counts;
  await eventually(
    () => counts.attempts,
    (now) => now > attempts + 2,
  );
  t.match(await refusal(registry), /status 404/);
  t.match(warnings(), [/refused the token/, /status 404/]);
});

t.test('without a telling reason a vague one is shown, and is replaced by the first telling one', async (t) => {
  const { logger, lines } = keptLogger();
  let last: number | 'closed' = 429;
  const { url } = await startRefusing(t, [], () => last);
  const registry = await openRegistry({ url, token: 'wrong', logger, ...quick });
  t.teardown(() => registry.close());
  t.match(await refusal(registry), /429.*too many wrong tokens/);
  t.notMatch(await refusal(registry), /address for clients/);
  last = 401;
  await eventually(
    () => refusal(registry),
    (said) => /refused the token/.test(said),
  );
  t.equal(lines.filter(({ level }) => level >= 40).length, 2);
});

t.test('a gateway server logs the refused token alone, however long it cannot join', async (t) => {
  const { url, counts } = await startRefusing(t, [401], () => (counts.attempts % 2 === 0 ? 429 : 401));
  const { lines } = await startShortLeased(t, 'a', url, 'wrong');
  const failures = () => lines.filter(({ msg }) => /could not join/.test(msg));
  await eventually(() => failures().length, Boolean);
  // Two lengths of the lease: it has given up waiting for the subscription by then.
  await eventually(
    () => counts.attempts,
    (attempts) => attempts >= 6,
  );
  t.match(
    lines.filter(({ level }) => level >= 40).map(({ reason }) => reason),
    [/refused the token/, /refused the token/],
  );
});

t.test(
  "Redis' refusal of a password is the reason from the first moment, with its remedy, and stays when connections are just closed",
  async (t) => {
    const redis = await startRedis(t, { args: ['--requirepass', 'right'] });
    for (const [user, word] of [
      ['', 'NOAUTH'],
      [':wrong@', 'WRONGPASS'],
    ] as const) {
      const { logger, lines } = keptLogger();
      const registry = await openRegistry({ url: redis.url.replace('//', `//${user}`), logger, ...quick });
      t.teardown(() => registry.close());
      t.match(await refusal(registry), new RegExp(`${word}.*password.* URL`));
      t.match(registry.link.reason, word);
      t.match(
        lines.filter(({ level }) => level >= 40).map(({ reason }) => reason),
        [word],
      );
    }
  },
);

t.test('the reason of Redis changes only to another telling one', async (t) => {
  let answers = true;
  let attempts = 0;
  const server = createServer((socket) => {
    attempts++;
    if (!answers) socket.destroy();
    socket.on('error', () => {});
    socket.on('data', () => socket.write('-WRONGPASS invalid username-password pair or user is disabled.\r\n'.repeat(4)));
  });
  const address = await listening(t, server);
  const { logger, lines } = keptLogger();
  const registry = await openRegistry({ url: `redis://:x@${address}`, logger, ...quick });
  t.teardown(() => registry.close());
  t.match(await refusal(registry), /WRONGPASS/);
  answers = false;
  const before = attempts;
  await eventually(
    () => attempts,
    (now) => now > before + 6,
  );
  t.match(await refusal(registry), /WRONGPASS/);
  server.close();
  await eventually(
    () => refusal(registry),
    (said) => /ECONNREFUSED/.test(said),
  );
  t.match(
    lines.filter(({ level }) => level >= 40).map(({ reason }) => reason),
    [/WRONGPASS/, /ECONNREFUSED/],
  );
});
