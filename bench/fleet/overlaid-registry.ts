import type { Registry } from '../../src/registry/contract.ts';

/** A registry with some methods replaced. */
export function overlaidRegistry(registry: Registry, methods: Partial<Registry>): Registry {
  return new Proxy(registry, {
    get(target, name) {
      const own = methods[name as keyof Registry];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
