import type { Signal } from '@preact/signals';

interface SearchBoxProps {
  /** Names the list it filters; also the placeholder. */
  readonly label: string;
  /** The text typed. */
  readonly query: Signal<string>;
}

/** A text field that filters a list. */
export function SearchBox({ label, query }: SearchBoxProps) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      value={query.value}
      onInput={(event) => {
        query.value = event.currentTarget.value;
      }}
    />
  );
}

/** Puts the items whose name is the query itself before the others that match. */
export function exactFirst<Item extends { readonly name: string }>(query: string, items: readonly Item[]): readonly Item[] {
  const exact = items.filter(({ name }) => name === query);
  return exact.length === 0 ? items : [...exact, ...items.filter(({ name }) => name !== query)];
}

/** True if `text` contains all words of `query`, in any order and case. */
export function matches(query: string, text: string): boolean {
  const lower = text.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}
