import { useSignal } from '@preact/signals';
import { products } from '../state/callers.ts';
import { LongList } from '../widgets/long-list.tsx';
import { matches, SearchBox } from '../widgets/search-box.tsx';
import { ProductCard } from './product-card.tsx';
import { ProductForm } from './product-form.tsx';

/** Above this number of products there is a filter. */
const few = 4;
/** Number of products shown initially. */
const firstShown = 20;

/** The products, each a card. */
export function ProductList() {
  const creating = useSignal(false);
  const query = useSignal('');
  const all = products.value ?? [];
  const shown = all.filter(({ name, projects }) => matches(query.value, `${name} ${projects.join(' ')}`));
  return (
    <>
      <div class="view-head">
        <div>
          <h2>Products</h2>
          <p class="muted small">Projects that consumers may use by one subscription</p>
        </div>
        <div class="filters">
          {all.length > few && <SearchBox label="Filter products and projects" query={query} />}
          <button
            type="button"
            class="button"
            onClick={() => {
              creating.value = true;
            }}
          >
            New product
          </button>
        </div>
      </div>
      {products.value !== undefined && shown.length === 0 && (
        <p class="muted empty">{all.length === 0 ? 'There are no products yet.' : `No product matches “${query.value}”.`}</p>
      )}
      {shown.length > 0 && (
        <div>
          <LongList items={shown} first={firstShown} noun="product" class="environment-list">
            {(product) => (
              <li key={product.name}>
                <ProductCard product={product} />
              </li>
            )}
          </LongList>
        </div>
      )}
      {creating.value && (
        <ProductForm
          close={() => {
            creating.value = false;
          }}
        />
      )}
    </>
  );
}
