import type { RefObject } from 'preact';
import type { EnvironmentAnswer } from '../../api/answers.ts';
import { dragging } from '../servers/server-drag.ts';
import { connection, environments, traffic, trafficTick } from '../state/state.ts';
import { EnvironmentOrder } from './environment-order.ts';
import { troubleOf } from './environment-trouble.ts';

/** Seconds over which the load is averaged. */
const loadSeconds = 15;
/** One order for the page, so that it outlasts changes of the view. */
const order = new EnvironmentOrder();

/**
 * Returns the environments, those with trouble first, then by load. The order is looked at once a second, and held while the pointer or the
 * focus is in `container`, a server is being dragged, or the figures are not live: nothing moves away under a hand.
 */
export function useEnvironmentOrder(container: RefObject<HTMLElement | null>): readonly EnvironmentAnswer[] {
  trafficTick.value;
  const byName = new Map(environments.value.map((environment) => [environment.name, environment]));
  const standings = environments.value.map((environment) => ({
    name: environment.name,
    trouble: troubleOf(environment).trouble,
    load: loadOf(environment.name),
  }));
  const held = connection.value !== 'live' || dragging.value || isInUse(container.current);
  const names = held ? order.keep(standings) : order.update(standings, performance.now());
  return names.map((name) => byName.get(name) as EnvironmentAnswer);
}

function loadOf(environment: string): number {
  const recent = traffic.environment(environment).samples.slice(-loadSeconds);
  return recent.length === 0 ? 0 : recent.reduce((sum, { requests }) => sum + requests, 0) / recent.length;
}

/** True if the focus or a pointer that hovers is in an element. After a touch, `:hover` stays where the finger was: it does not count. */
function isInUse(element: HTMLElement | null): boolean {
  if (element === null) return false;
  return element.matches(':focus-within') || (element.matches(':hover') && matchMedia('(hover: hover)').matches);
}
