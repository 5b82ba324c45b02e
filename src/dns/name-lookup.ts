import { type RecordWithTtl, Resolver } from 'node:dns';
import { statSync } from 'node:fs';
import { HostsFile } from './hosts-file.ts';
import { NameError } from './name-error.ts';
import { completeNames, readSearchList, type SearchList } from './search-list.ts';
import type { SystemLookup } from './system-lookup.ts';

/** Addresses of a name, and for how long they may be used before they are looked up again. */
export interface FoundAddresses {
  readonly addresses: readonly string[];
  readonly ttlMs: number;
}

export interface NameLookupSettings {
  /** DNS servers to ask, as `IP` or `IP:PORT`; undefined: those of resolv.conf, and the system's other sources where these have no answer. */
  readonly servers: () => readonly string[] | undefined;
  readonly hostsFile: string;
  readonly resolvConf: string;
  readonly system: SystemLookup;
}

/** Milliseconds for the answer to a question, which is asked `tries` times, with more time each time. */
const answerMs = 1000;
const tries = 2;
/** Milliseconds after which addresses without a TTL are looked up again. The hosts file is only read again if it has changed. */
const hostsTtlMs = 5000;
const systemTtlMs = 30_000;
/** Milliseconds that the addresses of one family wait for those of the other (RFC 8305 section 3). */
const otherFamilyMs = 50;

type FamilyAnswer = readonly RecordWithTtl[] | Error;

/**
 * Looks a name up: in the hosts file, then in DNS with the search list, then in what else the system asks (mDNS, NIS). DNS is asked over
 * sockets, never in Node's few threads, where two slow names would hold up every other name.
 */
export class NameLookup {
  readonly #settings: NameLookupSettings;
  readonly #hosts: HostsFile;
  #resolver = new Resolver();
  #search: SearchList = { domains: [], ndots: 1 };
  #configuredAs: string | undefined;

  constructor(settings: NameLookupSettings) {
    this.#settings = settings;
    this.#hosts = new HostsFile(settings.hostsFile);
  }

  /**
   * Resolves with at least one address; rejects with a {@link NameError}.
   * @param name in lower case
   * @param patient waits for the addresses of both families, however late one of them is
   */
  async find(name: string, patient: boolean): Promise<FoundAddresses> {
    const bare = name.replace(/\.$/, '');
    const listed = this.#hosts.addresses(bare);
    if (listed.length > 0) return { addresses: listed, ttlMs: hostsTtlMs };
    // RFC 6761 section 6.3.
    if (bare === 'localhost' || bare.endsWith('.localhost')) return { addresses: ['127.0.0.1', '::1'], ttlMs: systemTtlMs };
    this.#configure();
    const answer = await this.#ask(name, patient);
    if (!(answer instanceof Error)) return answer;
    const { servers, system } = this.#settings;
    // A server that refuses connections is none: the system may have other sources.
    if (servers() !== undefined || (answer.code === 'EAI_AGAIN' && !answer.message.includes('ECONNREFUSED'))) throw answer;
    const addresses = await system.find(name).catch(() => []);
    if (addresses.length === 0) throw answer;
    return { addresses, ttlMs: systemTtlMs };
  }

  /** Reads resolv.conf again if it has changed, as it does when a network comes up. */
  #configure(): void {
    const { resolvConf } = this.#settings;
    const servers = this.#settings.servers();
    const version = versionOf(resolvConf);
    if (version === this.#configuredAs) return;
    this.#configuredAs = version;
    this.#resolver = new Resolver({ timeout: answerMs, tries });
    if (servers !== undefined) this.#resolver.setServers(servers);
    this.#search = readSearchList(resolvConf);
  }

  async #ask(name: string, patient: boolean): Promise<FoundAddresses | NameError> {
    let failure = new NameError('ENOTFOUND', `the name ${name} does not exist`);
    for (const complete of completeNames(name, this.#search)) {
      const answers = await this.#bothFamilies(complete, patient);
      const records = answers.flatMap((answer) => (answer instanceof Error ? [] : answer));
      if (records.length > 0) {
        const ttl = Math.min(...records.map((record) => record.ttl));
        return { addresses: [...new Set(records.map(({ address }) => address))], ttlMs: ttl * 1000 };
      }
      const error = answers.map(failureOf).find((code) => code !== undefined);
      if (error === undefined) continue;
      failure = new NameError('EAI_AGAIN', `the name ${name} cannot be resolved: ${describe(error)}`);
      // A search domain that fails does not keep others from being asked, but no server answers the second time either.
      if (error !== 'ESERVFAIL') break;
    }
    return failure;
  }

  #bothFamilies(name: string, patient: boolean): Promise<readonly FamilyAnswer[]> {
    return new Promise((resolve) => {
      const answers: FamilyAnswer[] = [];
      let late: NodeJS.Timeout | undefined;
      const take = (error: Error | null, records: readonly RecordWithTtl[]) => {
        answers.push(error ?? records);
        if (answers.length === 2) {
          clearTimeout(late);
          resolve(answers);
        } else if (error === null && !patient) late = setTimeout(() => resolve([...answers]), otherFamilyMs);
      };
      this.#resolver.resolve4(name, { ttl: true }, take);
      this.#resolver.resolve6(name, { ttl: true }, take);
    });
  }
}

/** Code of the error if the name may have addresses nevertheless. */
function failureOf(answer: FamilyAnswer): string | undefined {
  if (!(answer instanceof Error)) return undefined;
  const { code = answer.message } = answer as NodeJS.ErrnoException;
  return code === 'ENOTFOUND' || code === 'ENODATA' ? undefined : code;
}

function describe(code: string): string {
  if (code === 'ETIMEOUT') return `no DNS server answered in time (${code})`;
  return code === 'ECONNREFUSED' ? `no DNS server can be reached (${code})` : `the DNS server failed (${code})`;
}

function versionOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'none';
  }
}
