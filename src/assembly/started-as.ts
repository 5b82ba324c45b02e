/** First argument of the processes that Sluice starts for itself. They have a channel to the process that started them; a user's command has none. */
export const startedAs = { worker: 'worker', documentReader: 'document-reader' } as const;

/** True if this process was started by Sluice to be this part. */
export function isStartedAs(part: keyof typeof startedAs): boolean {
  return process.argv[2] === startedAs[part] && process.connected;
}
