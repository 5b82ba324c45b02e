import { useSignal } from '@preact/signals';
import { products as allProducts } from '../state/callers.ts';
import { subscribe, unsubscribe } from './subscription-actions.ts';

/** The products that a consumer has subscribed to, and a choice of the others. */
export function Subscriptions({ consumer, subscribed }: { consumer: string; subscribed: readonly string[] }) {
  const chosen = useSignal('');
  const others = (allProducts.value ?? []).map(({ name }) => name).filter((name) => !subscribed.includes(name));
  const product = others.includes(chosen.value) ? chosen.value : (others[0] ?? '');
  return (
    <div class="card-part">
      <h3>
        Products <span class="count">{subscribed.length}</span>
      </h3>
      <ul class="chips">
        {subscribed.map((name) => (
          <li key={name} class="chip">
            <b>{name}</b>
            <button
              type="button"
              class="button quiet"
              aria-label={`End the subscription of ${consumer} to ${name}`}
              onClick={() => void unsubscribe(name, consumer)}
            >
              End
            </button>
          </li>
        ))}
      </ul>
      {others.length > 0 && (
        <div class="subscribe">
          <select
            aria-label={`Product for ${consumer}`}
            value={product}
            onChange={(event) => {
              chosen.value = event.currentTarget.value;
            }}
          >
            {others.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <button
            type="button"
            class="button"
            aria-label={`Subscribe ${consumer} to ${product}`}
            onClick={() => void subscribe(product, consumer)}
          >
            Subscribe
          </button>
        </div>
      )}
      {others.length === 0 && subscribed.length === 0 && <p class="muted">There are no products: create one below.</p>}
    </div>
  );
}
