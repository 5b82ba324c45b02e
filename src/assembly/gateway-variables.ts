import type { GatewayOptions } from '../gateway/gateway.ts';
import { AddressGuard } from '../model/address-guard.ts';
import { environmentSpec } from '../model/environment.ts';
import { SluiceError } from '../model/fault.ts';

/**
 * Settings of a gateway server that come from the environment variables of its process. Throws a `SluiceError` if a value is invalid.
 *
 * @param denyTargets addresses that targets must not have, as {@link AddressGuard} reads them; default: `SLUICE_DENY_TARGETS`, else `link-local`
 */
export function readGatewayVariables(denyTargets?: readonly string[]): Pick<GatewayOptions, 'headerBytes' | 'bodyRate' | 'guard'> {
  return {
    headerBytes: readLimit('SLUICE_HEADER_BYTES', 'headerBytes', 'a number of bytes from 1024 to 1048576'),
    bodyRate: readLimit('SLUICE_BODY_RATE', 'bodyRate', 'a number of bytes per second from 0 (no least rate) to 1048576'),
    guard: guardOf(denyTargets ?? readList(process.env['SLUICE_DENY_TARGETS']) ?? ['link-local']),
  };
}

/** Reads a variable that is the counterpart of a limit of an environment. */
function readLimit(variable: string, limit: 'headerBytes' | 'bodyRate', form: string): number | undefined {
  const text = process.env[variable];
  if (text === undefined || text === '') return undefined;
  const limits = environmentSpec.shape.limits.unwrap().safeParse({ [limit]: Number(text) });
  if (limits.success) return limits.data[limit];
  throw new SluiceError('invalid', `${variable} is "${text}": must be ${form}, as limits.${limit}`);
}

function readList(text: string | undefined): string[] | undefined {
  return text === undefined || text === '' ? undefined : text.split(/[\s,]+/).filter((entry) => entry !== '');
}

/** `none` alone denies no address. */
function guardOf(denied: readonly string[]): AddressGuard | undefined {
  if (denied.length === 0 || (denied.length === 1 && denied[0] === 'none')) return undefined;
  try {
    return new AddressGuard(denied);
  } catch (error) {
    throw new SluiceError('invalid', `--deny-targets, SLUICE_DENY_TARGETS: ${(error as Error).message}`);
  }
}
