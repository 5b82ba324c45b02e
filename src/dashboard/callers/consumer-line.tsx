import type { ConsumerAnswer } from '../../api/caller-answers.ts';
import { plural } from '../state/format.ts';
import { toggleFold } from '../state/place.ts';
import { expiryOf } from './expiry-of.ts';

/** A consumer in one line; opening it shows its card. */
export function ConsumerLine({ consumer: { name, keys, products } }: { consumer: ConsumerAnswer }) {
  const ending = keys.filter(({ expires }) => expiryOf(expires).tone !== undefined).length;
  return (
    <section class="card folded" aria-label={`Consumer ${name}`} data-consumer={name}>
      <button
        type="button"
        class="summary caller-summary"
        aria-expanded={false}
        onClick={() => toggleFold({ view: 'consumers', name }, true)}
      >
        <span class="summary-name">
          <strong>{name}</strong>
          {ending > 0 && <span class="badge tone-warn">{plural(ending, 'key')} expired or soon expiring</span>}
        </span>
        <span class="summary-figure">
          <span class="muted small">Keys</span> <b>{keys.length}</b>
        </span>
        <span class="summary-figure">
          <span class="muted small">Products</span> <b>{products.length}</b>
        </span>
      </button>
    </section>
  );
}
