import type { ErrorCode, Fault } from '../model/fault.ts';
import { SluiceError } from '../model/fault.ts';

/** Text of a fault, such as `sluice.yaml:7: limits.queue must be at least 0`; without file and line if they are unknown. */
export function describeFault(fault: Fault, file?: string): string {
  const place = [file, fault.line].filter((part) => part !== undefined).join(':');
  return `${place === '' ? '' : `${place}: `}${fault.path === '' ? 'the document' : fault.path} ${fault.message}`;
}

/** Makes the error for a refused text. Its message has the first fault and the number of further faults; it carries all of them. */
export function refusal(code: ErrorCode, faults: readonly Fault[], file?: string, cause?: unknown): SluiceError {
  const [first] = faults;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  return new SluiceError(code, `${first ? describeFault(first, file) : code}${more}`, { faults, cause });
}
