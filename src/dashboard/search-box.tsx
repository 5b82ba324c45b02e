interface SearchBoxProps {
  /** What is looked through; read out, and shown while it is empty. */
  readonly label: string;
  readonly value: string;
  readonly change: (value: string) => void;
}

/** Narrows a list to what holds the words typed. */
export function SearchBox({ label, value, change }: SearchBoxProps) {
  return (
    <input type="search" aria-label={label} placeholder={label} value={value} onInput={(event) => change(event.currentTarget.value)} />
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
