/** A random number generator that returns the same numbers in [0, 1) on every run (linear congruential, Numerical Recipes). */
export function seeded(seed = 1): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
