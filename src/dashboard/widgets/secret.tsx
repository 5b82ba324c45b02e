import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { notify } from '../state/notices.ts';
import { toClipboard } from './to-clipboard.ts';

/** A secret that is shown once, with a button that copies it. `label` names the secret. */
export function Secret({ text, label }: { text: string; label: string }) {
  const copied = useSignal(false);
  const code = useRef<HTMLElement>(null);
  const copy = async () => {
    copied.value = await toClipboard(text);
    if (copied.value) return;
    // Browsers deny the clipboard to pages loaded without TLS, or without the user's permission.
    if (code.current) getSelection()?.selectAllChildren(code.current);
    notify('Selected: copy it with Ctrl+C', false);
  };
  return (
    <div class="command secret">
      <code ref={code}>{text}</code>
      <button
        type="button"
        class="button quiet"
        aria-label={copied.value ? `Copied: the ${label}` : `Copy the ${label}`}
        onClick={() => void copy()}
        autofocus
      >
        {copied.value ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
