import type { TraceContext } from './trace-context.ts';

/** Whether a request's trace is recorded. `parent`: what its sender decided, if it said. */
export type Sampler = (traceId: string, parent: TraceContext | undefined) => boolean;

const digits = 13;

/** So many of all traces, 0 to 1; every process that asks for one trace comes to the same answer. */
function byRatio(ratio: number): Sampler {
  const limit = ratio * 16 ** digits;
  return (traceId) => Number.parseInt(traceId.slice(-digits), 16) < limit;
}

function byParent(root: Sampler): Sampler {
  return (traceId, parent) => parent?.sampled ?? root(traceId, parent);
}

const roots: Readonly<Record<string, (ratio: number) => Sampler>> = {
  always_on: () => () => true,
  always_off: () => () => false,
  traceidratio: byRatio,
};

/** Names that `OTEL_TRACES_SAMPLER` takes. */
export const samplerNames: readonly string[] = Object.keys(roots).flatMap((name) => [name, `parentbased_${name}`]);

/** The sampler of one of {@link samplerNames}; `ratio` counts for those that end with `traceidratio`. */
export function samplerOf(name: string, ratio: number): Sampler {
  const root = roots[name.replace(/^parentbased_/, '')]?.(ratio) ?? byRatio(ratio);
  return name.startsWith('parentbased_') ? byParent(root) : root;
}
