/** A command that could not do its job: the message goes to standard error, the exit status is 1. */
export class CommandFailure extends Error {
  /** Printed before the message, one per line. */
  readonly details: readonly string[];

  constructor(message: string, details: readonly string[] = []) {
    super(message);
    this.name = 'CommandFailure';
    this.details = details;
  }
}
