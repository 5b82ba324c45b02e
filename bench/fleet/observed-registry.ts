import type { Renewal } from '../../src/model/join.ts';
import type { News } from '../../src/model/news.ts';
import type { Registry } from '../../src/registry/contract.ts';
import { overlaidRegistry } from './overlaid-registry.ts';

/** Callbacks for the use that a gateway makes of its registry. */
export interface Observer {
  called(): void;
  heard(news: News): void;
  /** The registry has accepted this renewal. */
  renewed(report: Renewal): void;
}

/** Wraps a registry and notifies an observer of the calls that a gateway makes. */
export function observedRegistry(registry: Registry, observer: Observer): Registry {
  const calling = async <Result>(call: Promise<Result>): Promise<Result> => {
    const result = await call;
    observer.called();
    return result;
  };
  const methods: Partial<Registry> = {
    join: (request) => calling(registry.join(request)),
    leave: (id, instance) => calling(registry.leave(id, instance)),
    server: (id) => calling(registry.server(id)),
    renew: async (report) => {
      const answer = await calling(registry.renew(report));
      observer.renewed(report);
      return answer;
    },
    watch: (listener, options) => {
      const listening = (news: News) => {
        observer.heard(news);
        listener(news);
      };
      return registry.watch(listening, options);
    },
  };
  return overlaidRegistry(registry, methods);
}
