import type { ErrorCode, Fault } from '../model/fault.ts';
import { SluiceError } from '../model/fault.ts';

/** `sluice.yaml:7: limits.queue must be at least 0`; file and line only as far as they are known. */
export function describeFault(fault: Fault, file?: string): string {
  const place = [file, fault.line].filter((part) => part !== undefined).join(':');
  return `${place === '' ? '' : `${place}: `}${fault.path === '' ? 'the document' : fault.path} ${fault.message}`;
}

/** The refusal of some text: its message is the first fault and how many more there are; it carries them all. */
export function refusal(code: ErrorCode, faults: readonly Fault[], file?: string, cause?: unknown): SluiceError {
  const [first] = faults;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  return new SluiceError(code, `${first ? describeFault(first, file) : code}${more}`, { faults, cause });
}
