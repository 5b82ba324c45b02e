import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

interface LongListProps<Item> {
  readonly items: readonly Item[];
  /** Number of items shown initially. */
  readonly first: number;
  readonly class?: string;
  /** Names an item in the singular: `server`. */
  readonly noun: string;
  readonly children: (item: Item) => ComponentChildren;
}

/** Number of items added at a time. */
const step = 50;

/** A list that shows its beginning, and more on demand: redrawing a thousand rows each second would block the page. */
export function LongList<Item>({ items, first, class: look, noun, children }: LongListProps<Item>) {
  const shown = useSignal(first);
  const hidden = items.length - shown.value;
  return (
    <>
      <ul class={look}>{items.slice(0, shown.value).map(children)}</ul>
      {hidden > 0 && (
        <button
          type="button"
          class="button quiet more-rows"
          onClick={() => {
            shown.value += step;
          }}
        >
          {hidden <= step ? `Show the other ${hidden} ${noun}s` : `Show ${step} more of ${items.length} ${noun}s`}
        </button>
      )}
    </>
  );
}
