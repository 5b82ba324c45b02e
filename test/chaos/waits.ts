import type { ServerAnswer } from '../../src/api/answers.ts';
import { eventually } from '../tools/eventually.ts';
import { type BalancerUnderTest, serving, whileAway } from '../tools/sluice-under-test.ts';

/**
 * Resolves when exactly these servers take requests from a balancer, each with the newest snapshot. The environment may still be missing.
 *
 * @param embedded the balancer itself is one more server
 */
export async function untilComplete(
  balancer: BalancerUnderTest,
  ids: readonly string[],
  environment: string,
  embedded: boolean,
): Promise<void> {
  const deployed = () => balancer.api('GET', `/v1/environments/${environment}/deployments`).catch(whileMissing);
  await eventually(
    async () => {
      await eventually(deployed, (answer) => answer !== undefined);
      const own = embedded ? [await idOfOwn(balancer, environment)] : [];
      const servers = await serving(balancer, [...ids, ...own], environment);
      const newest = (await deployed()) as { hash: string } | undefined;
      return { newest: newest?.hash, running: servers.map(({ running }) => running?.hash) };
    },
    ({ newest, running }) => running.every((hash) => hash === newest),
    { what: `${ids.join(', ')} to run the newest snapshot of ${environment}` },
  );
}

/** Resolves to the id of the server that a balancer itself is. */
async function idOfOwn(balancer: BalancerUnderTest, environment: string): Promise<string> {
  const servers = () => balancer.api('GET', `/v1/servers?environment=${environment}`).catch(whileMissing);
  const find = (answer: unknown) => ((answer ?? []) as ServerAnswer[]).find(({ embedded, elsewhere }) => embedded && !elsewhere);
  return find(await eventually(servers, (answer) => find(answer) !== undefined))?.id ?? '';
}

/** Resolves when an address has answered with 200. Until then it may refuse connections, reset them, and answer 503, and nothing else. */
export async function answersAgain(address: string): Promise<void> {
  await eventually(
    () => fetch(`http://${address}/echo/again`).catch(() => undefined),
    (response) => {
      if (response !== undefined && response.status !== 200 && response.status !== 503)
        throw new Error(`${address} answered ${response.status} while everything was started again`);
      return response?.status === 200;
    },
    { what: `${address} to answer with 200 again` },
  );
}

/** Turns the error of a call into `undefined` while its object is missing (404), or the registry or the balancer away. Rethrows others. */
export function whileMissing(error: Error): undefined {
  if (!/: 404 /.test(error.message)) return whileAway(error);
}
