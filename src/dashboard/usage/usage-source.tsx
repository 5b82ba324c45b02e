import { moment, plural } from '../state/format.ts';
import { environments } from '../state/state.ts';
import { chosenEnvironment, type Usage } from '../state/usage.ts';

/** Number of silent servers that are named. */
const mostNamed = 3;

/** Chooses the environment of which counts are shown. */
export function UsageEnvironment({ environment }: { environment: string }) {
  const names = environments.value.map(({ name }) => name);
  return (
    <select
      class="usage-environment"
      aria-label="Environment"
      value={environment}
      onChange={(event) => {
        chosenEnvironment.value = event.currentTarget.value;
      }}
    >
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

/** Says since when the shown counts are counted, by how many servers, and whose are missing. */
export function UsageSource({ usage: { answer, fault } }: { usage: Usage }) {
  if (answer === undefined) return <p class="muted small">{fault === undefined ? 'Asking the servers…' : `Cannot be read: ${fault}`}</p>;
  const { asked, answered, silent, unsupported } = answer.servers;
  return (
    <>
      <p class="muted small">
        {answer.since === null
          ? asked === 0
            ? 'No server counts yet: the environment has none that is ready.'
            : 'No server has answered.'
          : `Since ${moment(answer.since)}, counted by ${answered} of ${plural(asked, 'server')}.`}
        {unsupported.length > 0 &&
          ` ${plural(unsupported.length, 'server')} of other makes ${unsupported.length === 1 ? 'does' : 'do'} not count.`}
      </p>
      {silent.length > 0 && (
        <p class="small usage-source">
          <span class="badge tone-warn">silent</span> {silent.slice(0, mostNamed).join(', ')}
          {silent.length > mostNamed && ` and ${silent.length - mostNamed} more`}: {silent.length === 1 ? 'its' : 'their'} counts are
          missing.
        </p>
      )}
      {fault !== undefined && (
        <p class="small usage-source">
          <span class="badge tone-bad">old</span> The figures are not renewed: {fault}.
        </p>
      )}
    </>
  );
}
