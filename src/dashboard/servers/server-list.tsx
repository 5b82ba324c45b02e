import { useSignal } from '@preact/signals';
import type { EnvironmentAnswer, ServerAnswer } from '../../api/answers.ts';
import { placeOf } from '../../api/server-place.ts';
import { describeStanding } from '../state/server-standing.ts';
import { conditionOf, serversOf } from '../state/state.ts';
import { LongList } from '../widgets/long-list.tsx';
import { matches, SearchBox } from '../widgets/search-box.tsx';
import { JoinCommand } from './join-command.tsx';
import { ServerRow } from './server-row.tsx';

/** Number of servers shown initially. Above it there is a filter, and servers in trouble come first. */
const firstShown = 12;
const ranks: Readonly<Record<string, number>> = { bad: 0, warn: 1, busy: 2 };

/** The servers of an environment; `find` is the initial text of the filter. */
export function ServerList({ environment, find = '' }: { environment: EnvironmentAnswer; find?: string | undefined }) {
  const query = useSignal(find);
  const { name, status } = environment;
  const members = serversOf(name);
  const rankOf = (server: ServerAnswer) => ranks[describeStanding(server, status.snapshot).tone] ?? 3;
  const many = members.length > firstShown;
  const shown = many
    ? members
        .filter((server) => matches(query.value, `${server.id} ${placeOf(server)} ${describeStanding(server, status.snapshot).word}`))
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
            {conditionOf(name).ready} of {conditionOf(name).all} ready
          </span>
        </h3>
        {many && <SearchBox label={`Filter servers of ${name}`} query={query} />}
      </div>
      {members.length === 0 ? (
        <div class="empty-part">
          <p class="muted">No servers, so clients get 503. Add an available server, drop it here, or start one:</p>
          <JoinCommand environment={name} />
        </div>
      ) : (
        <LongList items={shown} first={firstShown} noun="server" class="servers">
          {(server) => <ServerRow key={server.id} server={server} environment={environment} />}
        </LongList>
      )}
      {many && shown.length === 0 && <p class="muted">No server matches.</p>}
    </div>
  );
}
