/** A command that could not do what it was asked: told on standard error, exit status 1. */
export class Failure extends Error {
  /** Printed before the message, each on its line. */
  readonly details: readonly string[];

  constructor(message: string, details: readonly string[] = []) {
    super(message);
    this.name = 'Failure';
    this.details = details;
  }
}
