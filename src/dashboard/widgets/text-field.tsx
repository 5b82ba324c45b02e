import type { InputHTMLAttributes } from 'preact';
import { useId } from 'preact/hooks';

type TextFieldProps = InputHTMLAttributes<HTMLInputElement> & {
  readonly label: string;
  /** Shown under the field; screen readers read it after the label. */
  readonly hint?: string;
};

/** A labelled input for a line of text. */
export function TextField({ label, hint, ...input }: TextFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} spellcheck={false} {...(hint !== undefined && { 'aria-describedby': `${id}-hint` })} {...input} />
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}
