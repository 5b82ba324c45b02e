import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

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
  const focusButton = () => place.current?.querySelector('button')?.focus();
  // At once, not after the next picture: Escape may follow the key that opened it in no time.
  useLayoutEffect(() => {
    if (!open.value) return;
    const elsewhere = (event: Event) => {
      if (!place.current?.contains(event.target as Node)) open.value = false;
    };
    const leave = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      focusButton();
      open.value = false;
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
  const isChoice = ({ target }: Event) => {
    const pressed = (target as Element).closest('button');
    return pressed !== null && pressed.closest('[data-stay]') === null;
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
        <div
          class="disclosed"
          // Before the choice is acted upon: a dialog that it opens gives the focus back to where it was then.
          onClickCapture={(event) => {
            if (isChoice(event)) focusButton();
          }}
          onClick={(event) => {
            if (isChoice(event)) open.value = false;
          }}
        >
          {children}
        </div>
      )}
    </div>
  );
}
