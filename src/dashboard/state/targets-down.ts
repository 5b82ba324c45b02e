import { signal } from '@preact/signals';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import type { DownUrl } from '../../api/down-text.ts';
import { ApiError, call, pathOf } from './api.ts';
import { deployments, environments } from './state.ts';
import { whileVisible } from './usage.ts';

/** Milliseconds between two readings: each asks the servers of every environment. */
const everyMs = 15_000;
/** Number of environments that are asked. */
const mostAsked = 20;

/** URLs of targets to which servers send no requests, by environment, as last read. */
export const targetsDown = signal<ReadonlyMap<string, readonly DownUrl[]>>(new Map());

/** Reads {@link targetsDown} while the page is visible. Returns a function that ends that. */
export function followTargets(): () => void {
  const end = whileVisible(everyMs, read);
  return () => {
    end();
    targetsDown.value = new Map();
  };
}

async function read(): Promise<void> {
  const names = environments
    .peek()
    .map(({ name }) => name)
    .filter((name) => (deployments.peek()[name]?.deployments.length ?? 0) > 0);
  const found = await Promise.all(
    names.slice(0, mostAsked).map(async (environment): Promise<[string, readonly DownUrl[]]> => {
      try {
        const { status } = await call<EnvironmentAnswer>('GET', pathOf('v1', 'environments', environment));
        return [environment, status.targetsDown ?? []];
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        // Other parts of the page tell that the balancer or the registry does not answer.
        return [environment, targetsDown.peek().get(environment) ?? []];
      }
    }),
  );
  targetsDown.value = new Map(found);
}
