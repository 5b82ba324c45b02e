import { useSignal } from '@preact/signals';
import type { ProductAnswer } from '../../api/caller-answers.ts';
import { ActionMenu } from '../widgets/action-menu.tsx';
import { LongList } from '../widgets/long-list.tsx';
import { PlaceLink } from '../widgets/place-link.tsx';
import { DeleteCaller } from './delete-caller.tsx';
import { ProductForm } from './product-form.tsx';
import { Subscribers } from './subscribers.tsx';

/** Number of projects shown initially. */
const firstShown = 12;

/** One product: its projects, limit and quota, and its subscribers on demand. */
export function ProductCard({ product }: { product: ProductAnswer }) {
  const { name, projects, limit, quota } = product;
  const dialog = useSignal<'edit' | 'delete' | undefined>(undefined);
  const listing = useSignal(false);
  const open = (kind: NonNullable<typeof dialog.value>) => () => {
    dialog.value = kind;
  };
  const close = () => {
    dialog.value = undefined;
  };
  return (
    <section class="card" aria-label={`Product ${name}`}>
      <div class="card-head">
        <div>
          <h3 class="card-name">{name}</h3>
          <p class="muted small">
            limit {limit ?? 'none'} · quota {quota ?? 'none'}
          </p>
        </div>
        <div class="card-actions">
          <button
            type="button"
            class="button quiet"
            aria-expanded={listing.value}
            aria-label={`Subscribers of ${name}`}
            onClick={() => {
              listing.value = !listing.value;
            }}
          >
            Subscribers
          </button>
          <ActionMenu
            of={`product ${name}`}
            actions={[
              { label: 'Change…', run: open('edit') },
              { label: 'Delete…', danger: true, run: open('delete') },
            ]}
          />
        </div>
      </div>
      <div class="card-part">
        <LongList items={projects} first={firstShown} noun="project" class="chips">
          {(project) => (
            <li key={project} class="chip">
              <PlaceLink place={{ view: 'project', name: project }}>{project}</PlaceLink>
            </li>
          )}
        </LongList>
      </div>
      {listing.value && <Subscribers product={name} />}
      {dialog.value === 'edit' && <ProductForm name={name} close={close} />}
      {dialog.value === 'delete' && (
        <DeleteCaller kind="product" name={name} force close={close}>
          <p>
            Subscriptions to it end. Projects that are in no other product then let in every caller whom their policies let in, without a
            subscription.
          </p>
        </DeleteCaller>
      )}
    </section>
  );
}
