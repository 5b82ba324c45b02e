import type { TraceContext } from './trace-context.ts';

/** Decides whether a trace is recorded. `parent` holds the sender's decision, if the request carried one. */
export type Sampler = (traceId: string, parent: TraceContext | undefined) => boolean;

const digits = 13;

/** Samples the share `ratio` of all traces, 0 to 1. The decision depends on the trace id only, so that every process decides alike. */
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

/** Values that `OTEL_TRACES_SAMPLER` takes. */
export const samplerNames: readonly string[] = Object.keys(roots).flatMap((name) => [name, `parentbased_${name}`]);

/** The sampler with one of {@link samplerNames}; `ratio` applies to names that end with `traceidratio`. */
export function samplerOf(name: string, ratio: number): Sampler {
  const root = roots[name.replace(/^parentbased_/, '')]?.(ratio) ?? byRatio(ratio);
  return name.startsWith('parentbased_') ? byParent(root) : root;
}
