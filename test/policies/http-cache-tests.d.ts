declare module 'http-cache-tests/server/*' {
  export default function handle(path: readonly string[], request: unknown, response: unknown): void;
}

declare module 'http-cache-tests/client/runner.mjs' {
  export function runTests(suites: unknown, fetch: unknown, browser: boolean, base: string, atOnce: number): Promise<void>;
  /** True: the test has passed; else the kind of its failure, and what was wrong. */
  export function getResults(): Record<string, true | [kind: string, message: string]>;
}

declare module 'http-cache-tests/tests/index.mjs' {
  const suites: readonly {
    readonly name: string;
    readonly tests: readonly {
      readonly id: string;
      /** Default: required. */
      readonly kind?: 'required' | 'optimal' | 'check';
      readonly browser_only?: boolean;
    }[];
  }[];
  export default suites;
}
