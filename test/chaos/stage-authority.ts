import { eventually } from '../tools/eventually.ts';
import type { Owner } from '../tools/owner.ts';
import { startPassage } from '../tools/passage.ts';
import { Pebble } from '../tools/pebble.ts';
import { type BalancerUnderTest, redirectAddress } from '../tools/sluice-under-test.ts';
import { SecureClients } from './secure-clients.ts';

const name = 'shop.example';

/** An authority that issues the certificate of a stage's environment by ACME, and wants each certificate to be renewed as soon as Sluice agrees. */
export class StageAuthority {
  readonly clients: SecureClients;
  /** Settings of the environment. */
  readonly settings: object;
  /** Environment variables of the balancers, which share the sealed keys. */
  readonly variables = { SLUICE_SECRET_KEY: 'k'.repeat(40) };
  readonly #owner: Owner;
  readonly #pebble: Pebble;
  readonly #release: () => void;

  private constructor(owner: Owner, pebble: Pebble, root: string) {
    this.#owner = owner;
    this.#pebble = pebble;
    // Validations arrive only once the balancers have addresses.
    this.#release = pebble.hold();
    this.clients = new SecureClients(name, root);
    const acme = { directory: pebble.directory, ca: pebble.ca };
    this.settings = { hosts: [name], tls: { acme, redirectFrom: '127.0.0.1:0' } };
  }

  static async start(owner: Owner): Promise<StageAuthority> {
    // Seconds: Sluice renews a certificate no earlier than after a twentieth of its lifetime.
    const pebble = await Pebble.start(owner, { names: [name], config: { certificateValidityPeriod: 60 } });
    pebble.wantRenewal(0);
    return new StageAuthority(owner, pebble, await pebble.root());
  }

  /** Leads validations to the balancers, and resolves when all of them have the first certificate. */
  async begin(balancers: readonly BalancerUnderTest[]): Promise<void> {
    await startPassage(this.#owner, this.#pebble.httpPort, await Promise.all(balancers.map(redirectAddress)));
    this.#release();
    for (const { address } of balancers)
      await eventually(
        () => this.clients.served(address).catch(() => undefined),
        (fingerprint) => fingerprint !== undefined,
        { what: `the first certificate at ${address}` },
      );
  }
}
