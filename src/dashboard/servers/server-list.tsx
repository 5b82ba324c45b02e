import { useSignal } from '@preact/signals';
import type { EnvironmentAnswer, ServerAnswer } from '../../api/answers.ts';
import { conditionOf, serversOf } from '../state/state.ts';
import { Command, joinCommand } from '../widgets/command.tsx';
import { LongList } from '../widgets/long-list.tsx';
import { fits, SearchBox } from '../widgets/search-box.tsx';
import { ServerRow } from './server-row.tsx';
import { describeStanding } from './standing.ts';

/** Servers that are shown at first; above it they can be looked through, and those in trouble come first. */
const firstShown = 12;
const ranks: Readonly<Record<string, number>> = { bad: 0, warn: 1, busy: 2 };

/** The servers of an environment; `find` is what they are looked through for at first. */
export function ServerList({ environment, find = '' }: { environment: EnvironmentAnswer; find?: string | undefined }) {
  const wanted = useSignal(find);
  const { name, status } = environment;
  const members = serversOf(name);
  const rankOf = (server: ServerAnswer) => ranks[describeStanding(server, status.snapshot).tone] ?? 3;
  const many = members.length > firstShown;
  const shown = many
    ? members
        .filter((server) => fits(wanted.value, `${server.id} ${server.address} ${describeStanding(server, status.snapshot).word}`))
        .map((server) => ({ server, rank: rankOf(server) }))
        .sort((one, other) => one.rank - other.rank)
        .map(({ server }) => server)
    : members;
  return (
    <div class="card-part">
      <div class="part-head">
        <h3>
          Servers{' '}
          <span class="count">
            {conditionOf(name).ready} of {members.length} ready
          </span>
        </h3>
        {many && <SearchBox label={`Filter servers of ${name}`} wanted={wanted} />}
      </div>
      {members.length === 0 ? (
        <div class="empty-part">
          <p class="muted">No servers: clients get 503. Add an available one, drop it here, or start one:</p>
          <Command text={joinCommand(name)} />
        </div>
      ) : (
        <LongList items={shown} first={firstShown} noun="server" class="servers">
          {(server) => <ServerRow key={server.id} server={server} environment={environment} />}
        </LongList>
      )}
      {many && shown.length === 0 && <p class="muted">None fits.</p>}
    </div>
  );
}
