import tls from 'node:tls';
import { Load, type LoadTls } from '../tools/load.ts';

/** Clients over TLS of one name, which trust one authority. */
export class SecureClients {
  readonly #name: string;
  readonly #ca: string;

  /** @param ca certificate of the authority, in PEM */
  constructor(name: string, ca: string) {
    this.#name = name;
    this.#ca = ca;
  }

  /** Loads over TLS: one that keeps its connections, one that makes a whole handshake for each request, one that resumes sessions. */
  loads(address: string, letter: string, clients: number, restMs: number): Load[] {
    return (['kept', 'new', 'resumed'] as const).map((connections) => {
      const some = connections === 'kept' ? clients : 2;
      return new Load(address, `/echo/${letter}${connections}`, { clients: some, restMs, tls: this.#asked(connections) });
    });
  }

  #asked(connections: LoadTls['connections']): LoadTls {
    return { ca: this.#ca, servername: this.#name, connections };
  }

  /** Fingerprint of the certificate that a new client gets. Rejects if the client does not trust the certificate. */
  served(address: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const [host, port] = address.split(':');
      const socket = tls.connect({ host, port: Number(port), ...this.#asked('new') }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
        socket.destroy();
      });
      socket.once('error', reject);
    });
  }
}
