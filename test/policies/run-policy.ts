import type { BodyObserver, BodyStream } from '../../src/http1/message/bodies.ts';
import type { ImportedApi } from '../../src/model/imported-api.ts';
import { atOnce } from '../../src/model/pieces.ts';
import { type PolicyPoint, policyPoints } from '../../src/model/project.ts';
import type { Caller, Ending, NamedPolicy, PolicyAnswer, PolicyContext, PolicyServices } from '../../src/policies/contract.ts';
import { PolicyCompiler } from '../../src/projects/policy-set.ts';
import { Fields } from '../tools/fake-exchange.ts';
import { policyServices } from '../tools/policy-services.ts';

export type Entry = Record<string, unknown>;

const lists = Object.fromEntries(policyPoints.map((point) => [point, []])) as unknown as Record<PolicyPoint, Entry[]>;

/** Compiles one entry of a project's policies at a point. */
export function compile(
  entry: Entry,
  point: PolicyPoint = 'proxyRequest',
  services: PolicyServices = policyServices(),
  imported?: { readonly api: ImportedApi; readonly resources: readonly string[] },
) {
  const faults: string[] = [];
  const complain = (path: readonly PropertyKey[], message: string) => void faults.push(`${path.map(String).join('.')}: ${message}`);
  const owner = { project: 'shop', basePath: '/shop', services, resources: imported?.resources ?? [] };
  const compiler = new PolicyCompiler({}, complain, owner, imported?.api);
  const [policy] = atOnce(compiler.compile({ ...lists, [point]: [entry] }, ['policies']))[point];
  return { policy, faults };
}

/** Compiles one entry that must be without a fault. */
export function policyOf(entry: Entry, point: PolicyPoint = 'proxyRequest', services?: PolicyServices): NamedPolicy {
  const { policy, faults } = compile(entry, point, services);
  if (policy === undefined) throw new Error(faults.join('; '));
  return policy;
}

/** Faults of one entry, each with its path. */
export function faultsOf(entry: Entry, point: PolicyPoint = 'proxyRequest'): string[] {
  return compile(entry, point).faults;
}

/** An exchange as policies see it, without connections. What policies ask for is recorded; `answers` and `ends` play the rest of the exchange. */
export class FakeContext implements PolicyContext {
  readonly requestId = 'id-1';
  readonly resource: string;
  readonly clientAddress: string;
  readonly secure: boolean;
  readonly request: {
    method: string;
    target: string;
    path: string;
    plain: boolean;
    authority: string;
    headers: Fields;
    clientCertificate?: string | undefined;
  };
  response: { status: number; headers: Fields } | undefined;
  caller: Caller | undefined;
  taken: PolicyContext['taken'];
  identifiedBy: string | undefined;
  /** Home that the balancer is told. */
  home: string | undefined;
  readonly answerFields = new Map<string, string>();
  /** Requests that were sent in the background. */
  readonly copies: FakeContext[] = [];
  readonly copied: (string | undefined)[] = [];
  /** Answer in place of the target's. */
  instead: PolicyAnswer | undefined;
  /** Answer if the target fails. */
  failure: (() => PolicyAnswer | undefined) | undefined;
  bodyLimit = Number.POSITIVE_INFINITY;
  /** The request's body. */
  body: Buffer = Buffer.alloc(0);
  readonly observers: BodyObserver[] = [];
  /** Stream that the response's body would pass. */
  stream: BodyStream | undefined;
  /** Change of the response's whole body. */
  change: ((body: Buffer) => Buffer) | undefined;
  readonly #parameters: Record<string, string>;
  readonly #edits: ((response: { status: number; headers: Fields }) => void)[] = [];
  readonly #endings: ((ending: Ending) => void)[] = [];

  constructor(
    given: {
      method?: string;
      target?: string;
      headers?: Record<string, string>;
      response?: Record<string, string> | undefined;
      clientCertificate?: string | undefined;
      clientAddress?: string;
      secure?: boolean;
      parameters?: Record<string, string>;
      resource?: string;
      caller?: Caller;
      identifiedBy?: string;
    } = {},
  ) {
    const { method = 'GET', target = '/', headers = {}, response, clientCertificate } = given;
    const path = target.split('?')[0] as string;
    this.request = { method, target, path, plain: true, authority: 'a', headers: new Fields(headers), clientCertificate };
    if (response !== undefined) this.response = { status: 200, headers: new Fields(response) };
    this.clientAddress = given.clientAddress ?? '192.0.2.1';
    this.secure = given.secure ?? false;
    this.caller = given.caller;
    this.identifiedBy = given.identifiedBy;
    this.#parameters = given.parameters ?? {};
    this.resource = given.resource ?? '/';
  }

  parameter(name: string): string | undefined {
    return this.#parameters[name];
  }

  tellHome(home: string, part: string | undefined): boolean {
    this.home ??= `${part ?? 'the project'} ${home}`;
    return true;
  }

  readonly rest = '';
  tail = '';
  host: string | undefined;

  sendTo({ tail = this.tail, host = this.host }: { tail?: string; host?: string | undefined }): boolean {
    this.tail = tail;
    this.host = host;
    return true;
  }

  setAnswerField(name: string, value: string): void {
    this.answerFields.set(name.toLowerCase(), value);
  }

  addAnswerField(name: string, value: string): void {
    const before = this.answerFields.get(name.toLowerCase());
    this.answerFields.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }

  onResponse(edit: (response: { status: number; headers: Fields }) => void): void {
    this.#edits.push(edit);
  }

  again(prepare: (copy: PolicyContext) => void, elsewhere?: string): boolean {
    this.copied.push(elsewhere);
    const { method, target, headers } = this.request;
    const copy = new FakeContext({ method, target, headers: Object.fromEntries(headers.lines) });
    this.copies.push(copy);
    prepare(copy);
    return true;
  }

  answerInstead(answer: PolicyAnswer): void {
    this.instead = answer;
  }

  onFailure(answer: () => PolicyAnswer | undefined): void {
    this.failure = answer;
  }

  onEnd(done: (ending: Ending) => void): void {
    this.#endings.push(done);
  }

  limitBody(most: number): void {
    this.bodyLimit = Math.min(most, this.bodyLimit);
  }

  collectBody(most: number): Buffer | undefined {
    return this.body.length > most ? undefined : this.body;
  }

  replaceBody(body: Buffer): void {
    this.body = body;
  }

  observeResponse(observer: BodyObserver): void {
    this.observers.push(observer);
  }

  transformResponse(make: () => BodyStream): boolean {
    this.stream = make();
    return true;
  }

  replaceResponse(_most: number, change: (body: Buffer) => Buffer): boolean {
    this.change = change;
    return true;
  }

  /** The target answers: returns the response after the policies that asked to see it. */
  answers(status: number, headers: Record<string, string> = {}): { status: number; headers: Fields } {
    const response = { status, headers: new Fields(headers) };
    this.response = response;
    for (const edit of this.#edits.reverse()) edit(response);
    return response;
  }

  ends(ending: Partial<Ending> = {}): void {
    const whole = { status: 200, octets: 0, durationMs: 1, aborted: false, server: 'a', ...ending };
    for (const done of this.#endings.reverse()) done(whole);
  }
}

/** Runs one entry on a request, and returns what the policy has answered at once or later. */
export async function answerOf(entry: Entry, context: FakeContext, services?: PolicyServices): Promise<PolicyAnswer | undefined> {
  return await policyOf(entry, context.response ? 'proxyResponse' : 'proxyRequest', services).run(context);
}
