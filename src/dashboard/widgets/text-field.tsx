import type { InputHTMLAttributes } from 'preact';
import { useId } from 'preact/hooks';

type TextFieldProps = InputHTMLAttributes<HTMLInputElement> & {
  readonly label: string;
  /** Read out after the name, and shown under the field. */
  readonly hint?: string;
};

/** A line of text to fill in. */
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
