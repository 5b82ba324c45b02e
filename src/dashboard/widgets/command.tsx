import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { notify } from '../state/notices.ts';
import { toClipboard } from './to-clipboard.ts';

/** Address that operators' commands use if they are given none. */
const defaultControl = 'http://127.0.0.1:9000';

interface CommandProps {
  /** The command, as shown. */
  readonly text: string;
  /** Makes the command to copy, if that has a secret which is not shown before. */
  readonly complete?: () => Promise<string>;
}

/** A shell command with a button that copies it. */
export function Command({ text, complete }: CommandProps) {
  const copied = useSignal(false);
  const shown = useSignal(text);
  const code = useRef<HTMLElement>(null);
  const copy = async () => {
    const whole = complete === undefined ? text : await complete();
    if (await toClipboard(whole)) {
      copied.value = true;
      setTimeout(() => {
        copied.value = false;
      }, 2000);
      notify(whole === text ? 'Copied' : 'Copied, with the join token: keep it secret', false);
      return;
    }
    // Browsers deny the clipboard to pages loaded without TLS, or without the user's permission: the command is selected, for copying by hand.
    shown.value = whole;
    requestAnimationFrame(() => {
      if (code.current) getSelection()?.selectAllChildren(code.current);
    });
    notify('Selected: copy it with Ctrl+C', false);
  };
  const present = complete === undefined ? text : shown.value;
  return (
    <div class="command">
      <code ref={code}>{present}</code>
      <button type="button" class="button quiet" aria-label={`Copy: ${text}`} onClick={() => void copy()}>
        {copied.value ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}

/** An operator's command for this balancer: names its address, unless that is the default. */
export function operatorCommand(text: string): string {
  return location.origin === defaultControl ? text : `${text} --control ${location.origin}`;
}
