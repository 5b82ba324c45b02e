import { freePort } from '../tools/free-port.ts';
import type { Owner } from '../tools/owner.ts';
import { LinkRelay } from './link-relay.ts';
import type { StageOptions } from './stage-options.ts';

/** Where gateways listen, and where balancers reach them: at the same address, by a name, or through a relay. */
export class StagePlaces {
  readonly #owner: Owner;
  readonly #options: StageOptions;
  readonly #relayed = new Map<string, { readonly relay: LinkRelay; readonly port: number }>();

  constructor(owner: Owner, options: StageOptions) {
    this.#owner = owner;
    this.#options = options;
  }

  /** The relay before a gateway that was started. */
  relay(id: string): LinkRelay {
    const { relay } = this.#relayed.get(id) ?? {};
    if (relay === undefined) throw new Error('the scenario cuts links: its stage needs "linksRelayed"');
    return relay;
  }

  /** Options of a gateway that is started. @param wanted its port; default: any */
  async of(id: string, wanted: number | undefined): Promise<string[]> {
    if (this.#options.linksRelayed) {
      const { relay, port } = await this.#throughRelay(id);
      return ['--listen', `127.0.0.1:${port}`, '--advertise', `127.0.0.1:${relay.port}`];
    }
    const named = this.#options.named ? await freePort() : undefined;
    const port = named ?? wanted;
    return [
      ...(port === undefined ? [] : ['--listen', `127.0.0.1:${port}`]),
      ...(named === undefined ? [] : ['--advertise', `${id}.test:${named}`]),
    ];
  }

  async #throughRelay(id: string): Promise<{ relay: LinkRelay; port: number }> {
    const before = this.#relayed.get(id);
    if (before !== undefined) return before;
    const port = await freePort();
    const made = { relay: await LinkRelay.start(this.#owner, port), port };
    this.#relayed.set(id, made);
    return made;
  }
}
