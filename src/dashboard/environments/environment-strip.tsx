import { compact } from '../state/format.ts';
import { busiest, environments, traffic, trafficTick } from '../state/state.ts';
import { PlaceLink } from '../widgets/place-link.tsx';
import { troubleOf } from './environment-trouble.ts';

/** Number of environments in trouble that are named. */
const mostNamed = 5;

/** Links to the environments to look at first: those in trouble, and the busiest one. They stay in sight while the page is scrolled. */
export function EnvironmentStrip() {
  trafficTick.value;
  const troubled = environments.value
    .map((environment) => ({ name: environment.name, ...troubleOf(environment) }))
    .filter(({ text }) => text !== '')
    .sort((one, other) => other.trouble - one.trouble);
  const busy = busiest.value;
  return (
    <nav class="strip" aria-label="Environments to look at first">
      {troubled.slice(0, mostNamed).map(({ name, text }) => (
        <PlaceLink key={name} place={{ view: 'overview', name }} class="chip tone-bad">
          <span class="dot" aria-hidden="true" />
          <b>{name}</b> <span>{text}</span>
        </PlaceLink>
      ))}
      {troubled.length > mostNamed && <span class="muted small">and {troubled.length - mostNamed} more</span>}
      {troubled.length === 0 && (
        <span class="chip tone-good">
          <span class="dot" aria-hidden="true" />
          Nothing is failing
        </span>
      )}
      {busy !== undefined && (
        <PlaceLink place={{ view: 'overview', name: busy }} class="chip tone-busy">
          <span class="dot" aria-hidden="true" />
          <span>Busiest:</span> <b>{busy}</b> <span>{compact(traffic.environment(busy).rate)}/s</span>
        </PlaceLink>
      )}
    </nav>
  );
}
