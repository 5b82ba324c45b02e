import type { KeyMade } from '../../src/api/caller-answers.ts';
import { ExactBucket } from '../../test/limits/fleet-model.ts';
import { startTarget } from '../../test/tools/echo.ts';
import { eventually } from '../../test/tools/eventually.ts';
import { ownFolder } from '../../test/tools/own-folder.ts';
import type { Owner } from '../../test/tools/owner.ts';
import { pause } from '../../test/tools/pause.ts';
import { startRedis } from '../../test/tools/redis.ts';
import { Scrape } from '../../test/tools/scrape.ts';
import { serving, startBalancer, startGateway } from '../../test/tools/sluice-under-test.ts';
import { Requester, type Sent } from './requester.ts';
import type { Row } from './row.ts';

/** Milliseconds before a measurement, in which the limit settles. */
const settleMs = 10_000;
/** Milliseconds that the sending process may be late before it skips what it missed. */
const mostLateMs = 200;
/** Milliseconds in which two times count as the same. */
const binMs = 50;

/** Measures real processes: Redis, a balancer and gateway servers. Each measurement has a consumer of its own, who has subscribed to a product. */
export async function* measureLive(
  owner: Owner,
  given: { gateways: number; limits: readonly number[]; loads: readonly number[]; seconds: number },
): AsyncGenerator<Row> {
  const { limits, loads, seconds } = given;
  const redis = await startRedis(owner);
  const target = await startTarget(owner);
  const balancer = await startBalancer(owner, { registry: { url: redis.url } });
  const ids = Array.from({ length: given.gateways }, (_, index) => `g${index + 1}`);
  const gateways = await Promise.all(
    ids.map(async (id) => {
      const process = await startGateway(owner, id, redis.url, ['--environment', 'production'], { folder: ownFolder(owner) });
      return String((await process.logged((line) => line.msg === 'gateway listens'))['listen']);
    }),
  );
  const calls = async () => {
    const texts = await Promise.all(gateways.map(async (address) => (await fetch(`http://${address}/.sluice/metrics`)).text()));
    return texts.reduce((sum, text) => sum + new Scrape(text).sum('sluice_limit_store_calls_total'), 0);
  };
  const policies = { proxyRequest: [{ apiKey: { consumers: true } }] };
  for (const limit of limits) {
    const name = `p${limit}`;
    await balancer.api('POST', '/v1/projects', { name, basePath: `/${name}`, targets: { default: { url: target.url } }, policies });
    await balancer.api('PUT', `/v1/environments/production/deployments/${name}`, {});
    await balancer.api('PUT', `/v1/products/${name}`, { projects: [name], limit: `${limit}/s` });
    for (const load of loads) {
      const consumer = `${name}-${load}`.replace('.', '_');
      await balancer.api('PUT', `/v1/consumers/${consumer}`, {});
      await balancer.api('PUT', `/v1/products/${name}/subscriptions/${consumer}`);
      const { key } = (await balancer.api('POST', `/v1/consumers/${consumer}/keys`)) as KeyMade;
      await serving(balancer, ids);
      await eventually(
        () =>
          Promise.all(
            gateways.map(async (address) => (await fetch(`http://${address}/${name}/x`, { headers: { 'x-api-key': key } })).status),
          ),
        (all) => all.every((status) => status === 200),
        { what: `the product of ${consumer}` },
      );
      yield {
        limit,
        load,
        traffic: 'real',
        ...(await measure({ url: `http://${balancer.address}/${name}/x`, key, limit, load, seconds, calls })),
      };
    }
  }
}

/** Sends requests at random times, as fast as `load` says, and counts those that come through. */
async function measure({
  url,
  key,
  limit,
  load,
  seconds,
  calls,
}: {
  url: string;
  key: string;
  limit: number;
  load: number;
  seconds: number;
  calls: () => Promise<number>;
}): Promise<Omit<Row, 'limit' | 'load' | 'traffic'>> {
  const start = performance.now();
  const now = () => performance.now() - start;
  const requester = await Requester.open(new URL(url), { 'x-api-key': key }, now);
  const end = settleMs + seconds * 1000;
  let callsBefore: number | undefined;
  let lateMs = 0;
  for (let next = now(); now() < end; await pause(1)) {
    if (callsBefore === undefined && now() >= settleMs) callsBefore = await calls();
    // What was missed while this process was held up is not made up for.
    if (now() - next > mostLateMs) {
      lateMs += now() - next;
      next = now();
    }
    for (; next <= now(); next += (-Math.log(1 - Math.random()) * 1000) / (load * limit)) requester.send();
  }
  const made = (await calls()) - (callsBefore ?? 0);
  await eventually(
    async () => requester.open,
    (left) => left === 0,
    { what: 'all answers' },
  );
  requester.close();
  const exact = new ExactBucket(limit, limit);
  let exactly = 0;
  for (const { sentAt } of requester.sent) if (exact.take(sentAt) && sentAt >= settleMs) exactly++;
  const measured = requester.sent.filter(({ sentAt }) => sentAt >= settleMs);
  const allowed = measured.filter(({ status }) => status === 200).length;
  return {
    allowedPerSecond: allowed / seconds,
    under: 1 - allowed / exactly,
    perCall: measured.length / made,
    over: overIn(requester.sent, limit),
    lateMs,
  };
}

/** Most requests by which a span of time had more than burst and rate. A request may have come through at any time between sending and answer. */
function overIn(sent: readonly Sent[], limit: number): number {
  const binOf = (at: number) => Math.floor(at / binMs);
  const bins = binOf(Math.max(...sent.map(({ answeredAt }) => answeredAt))) + 1;
  const passed = sent.filter(({ status }) => status === 200).sort((one, other) => other.sentAt - one.sentAt);
  /** Requests by the bin in which they were answered, of those that were sent in the bin `from` or later. */
  const answered = new Uint32Array(bins);
  let most = 0;
  let at = 0;
  for (let from = bins - 1; from >= 0; from--) {
    for (let next = passed[at]; next !== undefined && binOf(next.sentAt) >= from; next = passed[++at]) {
      const bin = binOf(next.answeredAt);
      answered[bin] = (answered[bin] as number) + 1;
    }
    let sum = 0;
    for (let to = from; to < bins; to++) {
      sum += answered[to] as number;
      most = Math.max(most, sum - limit - (limit * (to + 1 - from) * binMs) / 1000);
    }
  }
  return most;
}
