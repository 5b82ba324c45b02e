import { useSignal } from '@preact/signals';
import type { ConsumerAnswer } from '../../api/caller-answers.ts';
import { call, pathOf } from '../state/api.ts';
import { attempt } from '../state/attempt.ts';
import { readCallers } from '../state/callers.ts';
import { Confirm } from '../widgets/dialog.tsx';
import { expiryOf } from './expiry-of.ts';

/** The keys of a consumer, by their ids: the keys themselves are stored nowhere. */
export function ConsumerKeys({ consumer, keys }: { consumer: string; keys: ConsumerAnswer['keys'] }) {
  const revoking = useSignal<string | undefined>(undefined);
  const asked = revoking.value;
  const revoke = async (id: string) => {
    await attempt(() => call('DELETE', pathOf('v1', 'consumers', consumer, 'keys', id)), `Key ${id} of ${consumer} revoked`);
    await readCallers();
  };
  return (
    <div class="card-part">
      <h3>
        Keys <span class="count">{keys.length}</span>
      </h3>
      {keys.length === 0 ? (
        <p class="muted">None, so it cannot call anything with a key. Make one, and give it to the consumer.</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">Id</th>
              <th scope="col">Expires</th>
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.map(({ id, expires }) => {
              const { text, tone } = expiryOf(expires);
              return (
                <tr key={id}>
                  <td class="key-id">
                    <code>{id}</code>
                  </td>
                  <td>{tone === undefined ? text : <span class={`badge tone-${tone}`}>{text}</span>}</td>
                  <td class="row-actions">
                    <button
                      type="button"
                      class="button quiet danger-text"
                      aria-label={`Revoke key ${id} of ${consumer}`}
                      onClick={() => {
                        revoking.value = id;
                      }}
                    >
                      Revoke…
                    </button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {asked !== undefined && (
        <Confirm
          title={`Revoke key ${asked} of ${consumer}?`}
          text="Gateway servers refuse it within two seconds. It cannot be made valid again; other keys of the consumer stay valid."
          action="Revoke"
          close={() => {
            revoking.value = undefined;
          }}
          confirm={() => void revoke(asked)}
        />
      )}
    </div>
  );
}
