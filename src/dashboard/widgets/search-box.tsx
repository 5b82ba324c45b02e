import type { Signal } from '@preact/signals';

interface SearchBoxProps {
  /** What is looked through; read out, and shown while it is empty. */
  readonly label: string;
  /** The words typed. */
  readonly wanted: Signal<string>;
}

/** Narrows a list to what holds the words typed. */
export function SearchBox({ label, wanted }: SearchBoxProps) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      value={wanted.value}
      onInput={(event) => {
        wanted.value = event.currentTarget.value;
      }}
    />
  );
}

/** Whether all words of `wanted` are in `text`. */
export function fits(wanted: string, text: string): boolean {
  const lower = text.toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}
