/** The reason why a name has no addresses. Its `code` is one of getaddrinfo's. */
export class NameError extends Error {
  /** `ENOTFOUND`: the name has no addresses. `EAI_AGAIN`: it is not known whether it has any. */
  readonly code: 'ENOTFOUND' | 'EAI_AGAIN';

  constructor(code: NameError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Describes why a connection failed. Node gives no message to the error of a connection whose every address failed. */
export function connectErrorText(error: Error): string {
  if (!(error instanceof AggregateError)) return error.message;
  return error.errors.map((each: Error) => each.message).join('; ');
}
