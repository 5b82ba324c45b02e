import { Redis } from 'ioredis';
import type { RedisServer } from '../../test/tools/redis.ts';
import { cpuSeconds, residentBytes } from '../usage.ts';
import type { Balancer } from './balancer.ts';
import type { GatewayProcesses } from './gateway-processes.ts';

/** Resources used from the start until a moment. */
interface Reading {
  readonly at: number;
  /** CPU seconds. */
  readonly balancer: number;
  readonly redis: number | undefined;
  readonly gateways: number;
  /** Registry calls of all gateways. */
  readonly calls: number;
  readonly news: number;
  /** Commands of Redis, including those in scripts. */
  readonly commands: number | undefined;
  /** Octets that Redis received and sent. */
  readonly octets: number | undefined;
}

/** Resources used per second between two moments. CPU is in percent of one core. */
export interface Usage {
  readonly seconds: number;
  readonly balancerCpu: number;
  readonly redisCpu: number | undefined;
  /** All gateways together. */
  readonly gatewaysCpu: number;
  readonly callsPerSecond: number;
  readonly newsPerSecond: number;
  readonly commandsPerSecond: number | undefined;
  /** Octets that Redis received and sent. */
  readonly redisOctets: number | undefined;
}

/** Memory at a moment, in bytes. */
export interface Memory {
  readonly balancer: number;
  readonly redis: number | undefined;
}

/** Measures the balancer, Redis and the gateways from outside these processes. */
export class Meter {
  readonly #balancer: Balancer;
  readonly #processes: GatewayProcesses;
  readonly #redis: RedisServer | undefined;

  constructor(parts: { balancer: Balancer; processes: GatewayProcesses; redis: RedisServer | undefined }) {
    this.#balancer = parts.balancer;
    this.#processes = parts.processes;
    this.#redis = parts.redis;
  }

  /** Begins a measurement. The returned function ends it. */
  async begin(): Promise<() => Promise<Usage>> {
    const before = await this.#read();
    return async () => usageOf(before, await this.#read());
  }

  async memory(): Promise<Memory> {
    const info = await this.#info('memory');
    return { balancer: residentBytes([{ pids: () => [this.#balancer.pid] }]), redis: numberIn(info, 'used_memory') };
  }

  async #read(): Promise<Reading> {
    const cpu = (pids: readonly number[]) => cpuSeconds([{ pids: () => [...pids] }]);
    const { calls, news } = await this.#processes.counts();
    const info = await this.#info('stats');
    return {
      at: performance.now(),
      balancer: cpu([this.#balancer.pid]),
      redis: this.#redis && cpu([this.#redis.pid]),
      gateways: cpu(this.#processes.pids),
      calls,
      news,
      commands: numberIn(info, 'total_commands_processed'),
      octets:
        info === undefined ? undefined : (numberIn(info, 'total_net_input_bytes') ?? 0) + (numberIn(info, 'total_net_output_bytes') ?? 0),
    };
  }

  async #info(section: string): Promise<string | undefined> {
    if (this.#redis === undefined) return undefined;
    const client = new Redis(this.#redis.url, { maxRetriesPerRequest: 0 });
    client.on('error', () => {});
    try {
      return await client.info(section);
    } finally {
      client.disconnect();
    }
  }
}

function usageOf(before: Reading, after: Reading): Usage {
  const seconds = (after.at - before.at) / 1000;
  // A process that was restarted counts from 0.
  const rate = (one: number, other: number) => (other < one ? other : other - one) / seconds;
  const perhaps = (one: number | undefined, other: number | undefined, factor = 1) =>
    one === undefined || other === undefined ? undefined : factor * rate(one, other);
  return {
    seconds,
    balancerCpu: 100 * rate(before.balancer, after.balancer),
    redisCpu: perhaps(before.redis, after.redis, 100),
    gatewaysCpu: 100 * rate(before.gateways, after.gateways),
    callsPerSecond: rate(before.calls, after.calls),
    newsPerSecond: rate(before.news, after.news),
    commandsPerSecond: perhaps(before.commands, after.commands),
    redisOctets: perhaps(before.octets, after.octets, seconds),
  };
}

function numberIn(info: string | undefined, name: string): number | undefined {
  const found = info === undefined ? undefined : new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1];
  return found === undefined ? undefined : Number(found);
}
