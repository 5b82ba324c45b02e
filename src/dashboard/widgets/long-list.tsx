import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

interface LongListProps<Item> {
  readonly items: readonly Item[];
  /** Shown at first. */
  readonly first: number;
  readonly class?: string;
  /** What one more is called: `server`. */
  readonly noun: string;
  readonly children: (item: Item) => ComponentChildren;
}

/** More at a time. */
const step = 50;

/** A list that shows its beginning, and more when asked to: a thousand rows would hold up the page each second. */
export function LongList<Item>({ items, first, class: look, noun, children }: LongListProps<Item>) {
  const most = useSignal(first);
  const hidden = items.length - most.value;
  return (
    <>
      <ul class={look}>{items.slice(0, most.value).map(children)}</ul>
      {hidden > 0 && (
        <button
          type="button"
          class="button quiet more-rows"
          onClick={() => {
            most.value += step;
          }}
        >
          {hidden <= step ? `Show the other ${hidden} ${noun}s` : `Show ${step} more of ${items.length} ${noun}s`}
        </button>
      )}
    </>
  );
}
