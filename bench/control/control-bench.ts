import { freePort } from '../../test/tools/free-port.ts';
import type { Owner } from '../../test/tools/owner.ts';
import { pause } from '../../test/tools/pause.ts';
import { adminToken, serving, startBalancer, startGateway } from '../../test/tools/sluice-under-test.ts';
import { type Spread, spreadOf } from '../fleet/spread.ts';
import { describeMachine } from '../machine.ts';
import { Asker } from './asker.ts';
import { askings, type Scene } from './askings.ts';
import { compute } from './compute.ts';
import { runWhenIdle } from './run-when-idle.ts';
import { bigProject, configured, environments, smallProject } from './scene.ts';
import { type Measured, Traffic } from './traffic.ts';
import { TurnMeter, type TurnsTaken } from './turns.ts';
import { withoutWaits } from './waits.ts';

export interface ControlBenchOptions {
  /** Registered servers, and static ones. */
  readonly servers: number;
  /** Revisions of a small project, which are deleted. */
  readonly revisions: number;
  /** Seconds for each thing that is asked, and for each quiet time before it. */
  readonly seconds: number;
  readonly quietSeconds: number;
  /** Begin of the names of the things to ask; default: all. */
  readonly only?: string | undefined;
  /**
   * True: this process, which asks, gives way to those that are measured, and the clients and the target of traffic go before all others, since they would be
   * on other machines. On a machine with few processors all would delay each other otherwise. Default: false, since a process cannot take its priority back.
   */
  readonly givesWay?: boolean;
  readonly progress: (text: string) => void;
}

/** Latency of requests through the balancer to a static server, and through the balancer and a gateway server. */
export interface Latency {
  readonly balancer: Spread;
  readonly gateway: Spread;
  /** The same requests without the time in which balancer or gateway server waited for a processor. */
  readonly running: { readonly balancer: Spread; readonly gateway: Spread };
  /** Requests without an answer for 10 s, of both. */
  readonly unanswered: number;
  /** Turns of the event loops of balancer and gateway server meanwhile. */
  readonly turns: { readonly balancer: TurnsTaken; readonly gateway: TurnsTaken };
}

export interface ControlResults {
  readonly date: Date;
  readonly machine: readonly string[];
  readonly servers: number;
  /** Before the control plane had anything to do. */
  readonly empty: Latency;
  /** All quiet times between the things that were asked. */
  readonly quiet: Latency;
  /** While another process computes, and nothing is asked: what competition for processors does to the measurement. */
  readonly computing: Latency;
  readonly asked: readonly ({ readonly name: string; readonly answers: number } & Latency)[];
}

/** Measures plain traffic through one `sluice serve` without workers while its control plane is asked each heavy thing in turn. */
export async function runControlBench(owner: Owner, options: ControlBenchOptions): Promise<ControlResults> {
  const { servers, revisions, seconds, quietSeconds, only = '', givesWay = false, progress } = options;
  const chosen = askings.filter(({ name }) => name.startsWith(only));
  if (chosen.length === 0)
    throw new Error(`--only ${only}: no name begins with it; the names are: ${askings.map(({ name }) => name).join(', ')}`);
  const begun = { date: new Date(), machine: describeMachine(), servers };
  const traffic = await Traffic.start(owner, givesWay);
  const { target } = traffic;
  const config = { workers: 0, control: { listen: '127.0.0.1:0', joins: { servers: 0 } } };
  const listen = async () => `127.0.0.1:${await freePort()}`;
  // Environments on one address would need hosts.
  const listens = { traffic: await listen(), gateways: await listen(), fleet: await listen(), fixed: await listen() };
  const meters = { balancer: new TurnMeter(owner), gateway: new TurnMeter(owner) };
  const balancer = await startBalancer(owner, config, configured(listens, servers, target), meters.balancer.variables);
  const asker = new Asker(balancer.control, adminToken);
  owner.teardown(() => asker.close());
  await startGateway(owner, 'gateway', balancer.control, ['--environment', environments.gateways], { variables: meters.gateway.variables });
  await serving(balancer, ['gateway'], environments.gateways);
  const push = (body: string) => asker.ask({ method: 'POST', path: '/v1/projects', body, status: [200, 201] });
  const deploy = (project: string) =>
    asker.ask({ method: 'PUT', path: `/v1/environments/${environments.gateways}/deployments/${project}`, body: '{}', status: 200 });
  await push(smallProject(target, 'plain'));
  await deploy('plain');
  const { addresses } = balancer;
  const paths = {
    balancer: `http://${addresses[environments.traffic]}/`,
    gateway: `http://${addresses[environments.gateways]}/plain`,
  };
  await until200(paths.gateway);

  const turns = async (): Promise<Latency['turns']> => ({ balancer: await meters.balancer.take(), gateway: await meters.gateway.take() });

  progress('empty…');
  // The first requests warm both processes up.
  await traffic.measure(paths, quietSeconds);
  await turns();
  const empty = latencyOf([await traffic.measure(paths, seconds)], [await turns()]);
  progress(`${servers} servers register, ${revisions} revisions are pushed…`);
  if (givesWay) runWhenIdle();
  await fill({ asker, servers, revisions, target, push });
  await deploy('big');
  // The gateway server compiles what is new to it; that is not a quiet time.
  await traffic.measure(paths, seconds);

  const scene: Scene = { asker, control: balancer.control, token: adminToken, servers, target, listen: listens.fixed };
  await turns();
  const { measured: beside } = await measureWhile(compute, () => traffic.measure(paths, seconds));
  const computing = latencyOf([beside], [await turns()]);
  const quiet: Measured[] = [];
  const quietTurns: Latency['turns'][] = [];
  const asked: (ControlResults['asked'][number] & Latency)[] = [];
  for (const asking of chosen) {
    await turns();
    quiet.push(await traffic.measure(paths, quietSeconds));
    quietTurns.push(await turns());
    const { measured, answers } = await measureWhile(
      (signal) => asking.run(scene, signal),
      () => traffic.measure(paths, seconds),
    );
    const one = { name: asking.name, answers, ...latencyOf([measured], [await turns()]) };
    asked.push(one);
    progress(
      `${one.name}: ${answers} answers, p99 ${one.balancer.p99.toFixed(1)} and ${one.gateway.p99.toFixed(1)} ms, longest turns ${one.turns.balancer.longestMs.toFixed(1)} and ${one.turns.gateway.longestMs.toFixed(1)} ms`,
    );
    // What was asked last may still be under way, such as a deploy at the gateway.
    await pause(quietSeconds * 250);
  }
  return { ...begun, empty, quiet: latencyOf(quiet, quietTurns), computing, asked };
}

async function measureWhile<Result>(work: (signal: AbortSignal) => Promise<Result>, measure: () => Promise<Measured>) {
  const ended = new AbortController();
  const asks = work(ended.signal);
  const measured = await Promise.race([measure(), asks.then(() => new Promise<never>(() => {}))]);
  ended.abort();
  return { answers: await asks, measured };
}

async function fill(parts: {
  asker: Asker;
  servers: number;
  revisions: number;
  target: string;
  push: (body: string) => Promise<void>;
}): Promise<void> {
  const { asker, servers, revisions, target, push } = parts;
  const body = JSON.stringify({ environment: environments.fleet, address: new URL(target).host, ttl: '1h' });
  await inTurn(8, servers, (index) => asker.ask({ method: 'PUT', path: `/v1/register/server-${index}`, body, status: 200 }));
  await inTurn(1, revisions, (index) => push(smallProject(target, 'small', String(index))));
  await push(bigProject(target, 'a'));
  await push(bigProject(target, 'b'));
}

async function inTurn(atOnce: number, count: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

async function until200(url: string): Promise<void> {
  while ((await fetch(url)).status !== 200) await pause(20);
}

function latencyOf(measured: readonly Measured[], turns: readonly Latency['turns'][]): Latency {
  const of = (path: string) => spreadOf(measured.flatMap(({ times }) => times[path] ?? []));
  const running = (path: string, ...through: (keyof Latency['turns'])[]) => {
    const times = measured.flatMap(({ times: { [path]: times = [] }, began: { [path]: began = [] } }, index) => {
      const taken = turns[index];
      return withoutWaits({ began, times }, taken === undefined ? [] : through.map((role) => taken[role].waits));
    });
    return spreadOf(times);
  };
  return {
    balancer: of('balancer'),
    gateway: of('gateway'),
    running: { balancer: running('balancer', 'balancer'), gateway: running('gateway', 'balancer', 'gateway') },
    unanswered: measured.reduce((sum, one) => sum + one.unanswered, 0),
    turns: { balancer: sumOf(turns.map(({ balancer }) => balancer)), gateway: sumOf(turns.map(({ gateway }) => gateway)) },
  };
}

function sumOf(turns: readonly TurnsTaken[]): TurnsTaken {
  return {
    longestMs: Math.max(...turns.map(({ longestMs }) => longestMs)),
    long: turns.reduce((sum, { long }) => sum + long, 0),
    waits: turns.flatMap(({ waits }) => waits),
  };
}
