import { useEffect } from 'preact/hooks';
import { followSubscribers, mostRead, subscribers } from '../state/callers.ts';
import { PlaceLink } from '../widgets/place-link.tsx';
import { unsubscribe } from './subscription-actions.ts';

/** The first subscribers of a product. */
export function Subscribers({ product }: { product: string }) {
  useEffect(() => followSubscribers(product), [product]);
  const found = subscribers.value.get(product);
  return (
    <div class="card-part">
      {found === undefined && <p class="muted">Loading…</p>}
      {found?.length === 0 && <p class="muted">None: subscribe a consumer in its card.</p>}
      <ul class="chips">
        {found?.slice(0, mostRead).map(({ name }) => (
          <li key={name} class="chip">
            <PlaceLink place={{ view: 'consumers', name }}>{name}</PlaceLink>
            <button
              type="button"
              class="button quiet"
              aria-label={`End the subscription to ${product} of ${name}`}
              onClick={() => void unsubscribe(product, name)}
            >
              End
            </button>
          </li>
        ))}
      </ul>
      {(found?.length ?? 0) > mostRead && <p class="muted small">The first {mostRead} are shown.</p>}
    </div>
  );
}
