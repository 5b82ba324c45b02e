import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface DisclosureProps {
  readonly label: ComponentChildren;
  /** For screen readers, where the label alone says too little. */
  readonly description?: string;
  readonly class?: string;
  /** Shown under the button; anything pressed in it closes it, unless marked `data-stay`. */
  readonly children: ComponentChildren;
}

/** A button with a small panel under it: closed by Escape, by choosing, and by going elsewhere. */
export function Disclosure({ label, description, class: look = 'button', children }: DisclosureProps) {
  const open = useSignal(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open.value) return;
    const elsewhere = (event: Event) => {
      if (!place.current?.contains(event.target as Node)) open.value = false;
    };
    const leave = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      open.value = false;
      place.current?.querySelector('button')?.focus();
    };
    addEventListener('pointerdown', elsewhere);
    addEventListener('focusin', elsewhere);
    addEventListener('keydown', leave);
    return () => {
      removeEventListener('pointerdown', elsewhere);
      removeEventListener('focusin', elsewhere);
      removeEventListener('keydown', leave);
    };
  }, [open.value]);
  const chosen = (event: MouseEvent) => {
    const pressed = (event.target as Element).closest('button');
    if (pressed && pressed.closest('[data-stay]') === null) open.value = false;
  };
  return (
    <div class="disclosure" ref={place}>
      <button
        type="button"
        class={look}
        aria-expanded={open.value}
        aria-label={description}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {label}
      </button>
      {open.value && (
        // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: the buttons in it are what is pressed, by keys too
        <div class="disclosed" onClick={chosen}>
          {children}
        </div>
      )}
    </div>
  );
}
