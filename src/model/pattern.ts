import { RE2JS } from 're2js';

/** A pattern that was written by a user, compiled for an engine (RE2) whose time grows with the length of the text only, whatever the pattern. */
export interface Pattern {
  test(text: string): boolean;
}

/** Compiles a regular expression in the syntax of JavaScript. Throws an `Error` that names a construct that the engine does not have, such as lookaheads. */
export function compilePattern(source: string): Pattern {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(source));
  return { test: (text) => compiled.test(text) };
}

/** Why a pattern cannot be used; undefined if it can. */
export function faultOfPattern(source: string): string | undefined {
  try {
    compilePattern(source);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^error parsing regexp: /, '');
  }
}
