import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';

interface DialogProps {
  readonly title: string;
  readonly close: () => void;
  readonly wide?: boolean | undefined;
  readonly children: ComponentChildren;
}

/** Something to answer before going on; the browser keeps the focus in it, and Escape closes it. The focus returns to where it was. */
export function Dialog({ title, close, wide, children }: DialogProps) {
  const place = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    place.current?.showModal();
    return () => {
      if (before?.isConnected === true) before.focus();
      else document.getElementById('main')?.focus();
    };
  }, []);
  return (
    <dialog ref={place} class={wide === true ? 'dialog wide' : 'dialog'} aria-labelledby={heading} onClose={close}>
      <div class="dialog-head">
        <h2 id={heading}>{title}</h2>
        <button type="button" class="icon-button" aria-label="Close" onClick={close}>
          ×
        </button>
      </div>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  readonly close: () => void;
  readonly confirm: () => void;
}

/** Asks before what takes something away. */
export function Confirm({ title, text, action, close, confirm }: ConfirmProps) {
  return (
    <Dialog title={title} close={close}>
      <p>{text}</p>
      <div class="dialog-actions">
        {/* First, and so focused: a key pressed in haste does no harm. */}
        <button type="button" class="button" onClick={close} autofocus>
          Cancel
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() => {
            close();
            confirm();
          }}
        >
          {action}
        </button>
      </div>
    </Dialog>
  );
}
