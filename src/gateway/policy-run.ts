import type { Caller, Decision, Ending, NamedPolicy, PolicyAnswer, PolicyContext } from '../policies/contract.ts';
import type { Exchange, Handler, Route } from '../proxy/contract.ts';
import { failures } from '../proxy/failures.ts';
import { isFromSluice } from '../proxy/is-local.ts';
import { consumerText } from '../proxy/told-consumer.ts';
import { pathBelow, pathParameter } from '../routing/path-parameter.ts';
import { safeTail } from '../routing/safe-tail.ts';
import type { Admission } from './admission.ts';
import { AnswerFields } from './answer-fields.ts';
import { Endings } from './endings.ts';
import type { PolicyChain } from './policy-chain.ts';

/** A resource with the policies that decide about its requests. */
export interface GuardedResource {
  /** Undefined: its requests are not forwarded. */
  readonly route: Route | undefined;
  readonly policies: PolicyChain;
  readonly admission: Admission;
  /** Path of the resource as written in the project, below its base path. */
  readonly template: string;
  readonly basePath: string;
  /** All targets of the project, by name; default: none. */
  readonly targets?: ReadonlyMap<string, Route>;
}

/** Gets what policies throw. */
export type FaultReporter = Pick<Handler, 'fault'>;

/** Ending of an exchange that had ended before a policy asked to hear of it: its client has gone. */
const gone: Ending = { status: 0, octets: 0, durationMs: 0, aborted: true, server: undefined };

/** Where a request goes below its project and target. */
export interface Course {
  /** Path of the request in normal form, which targets are sent. */
  readonly path: string;
  /** Text to append to the target's own path: the rest of the request's path (may be empty) and the query. */
  tail: string;
  /** Host that the target is sent; undefined: that of its URL. */
  host: string | undefined;
}

/** The way of one exchange through the policies of its resource: first over the request, then over the target's response. */
export class PolicyRun implements PolicyContext {
  taken: PolicyContext['taken'];
  identifiedBy: string | undefined;
  #caller: Caller | undefined;
  response: Exchange['response'] | undefined;
  readonly #exchange: Exchange;
  readonly #resource: GuardedResource;
  readonly #reporter: FaultReporter | undefined;
  /** The first answer of a policy while the policies of several resources run. */
  #first: { readonly policy: NamedPolicy; readonly answer: PolicyAnswer } | undefined;
  /** The exchange is a copy of another one. */
  #isCopy = false;
  /** Index of the request policy that runs. */
  #at = 0;
  #goOn: (() => void) | undefined;
  #clientAddress: string | undefined;
  #home: string | undefined;
  #answerFields: AnswerFields | undefined;
  #edits: ((response: Exchange['response']) => void)[] | undefined;
  #endings: Endings | undefined;

  /** @param reporter gets what a request policy throws while the exchange waits for it; needed by {@link start} */
  constructor(exchange: Exchange, resource: GuardedResource, reporter?: FaultReporter) {
    this.#exchange = exchange;
    this.#resource = resource;
    this.#reporter = reporter;
  }

  // For the gateway

  /**
   * Runs the request policies, then answers as one of them decides, or forwards along the resource's route.
   * @param goOn where there is no route
   */
  start(goOn?: () => void): void {
    this.#goOn = goOn;
    this.#from(0);
  }

  /** Runs the response policies, before the response head is sent to the client. */
  respond(): void {
    const { response } = this.#resource.policies;
    if (response.length === 0 && this.#edits === undefined && this.#answerFields === undefined) return;
    this.response = this.#exchange.response;
    for (const policy of response) policy.run(this);
    const edits = this.#edits;
    if (edits !== undefined) for (let index = edits.length - 1; index >= 0; index--) edits[index]?.(this.response);
    this.#answerFields?.writeTo(this.response.headers);
    this.response = undefined;
  }

  // For policies

  get caller(): Caller | undefined {
    return this.#caller;
  }

  set caller(caller: Caller | undefined) {
    this.#caller = caller;
    const name = caller?.consumer;
    this.#exchange.consumer = name === undefined ? undefined : consumerText(name);
    this.#exchange.tellsConsumer = name !== undefined;
  }

  get request(): Exchange['request'] {
    return this.#exchange.request;
  }

  get requestId(): string {
    return this.#exchange.id;
  }

  get clientAddress(): string {
    this.#clientAddress ??= this.#exchange.clientAddress;
    return this.#clientAddress;
  }

  get secure(): boolean {
    return this.#exchange.secure;
  }

  get resource(): string {
    return this.#resource.template;
  }

  parameter(name: string): string | undefined {
    return pathParameter(this.#resource, this.#course.path, name);
  }

  get rest(): string {
    return pathBelow(this.#resource, this.#course.path);
  }

  get tail(): string {
    return this.#course.tail;
  }

  sendTo({ tail, host }: { readonly tail?: string; readonly host?: string | undefined }): boolean {
    const course = this.#course;
    if (tail !== undefined) {
      const safe = safeTail(tail);
      if (safe === undefined) return false;
      course.tail = safe;
    }
    if (host !== undefined) course.host = host;
    return true;
  }

  get #course(): Course {
    return this.#exchange.context as Course;
  }

  tellHome(home: string, part: string | undefined): boolean {
    if (this.#home !== undefined) return this.#home === home;
    if (this.#isCopy || !isFromSluice(this.#exchange.request.headers.get('via'))) return false;
    this.#home = home;
    this.#exchange.home = `${part ?? projectPart(this.#resource)} ${home}`;
    return true;
  }

  setAnswerField(name: string, value: string): void {
    this.#fieldsOfAnswer().set(name, value);
  }

  addAnswerField(name: string, value: string, checked = false): void {
    this.#fieldsOfAnswer().add(name, value, checked);
  }

  onResponse(edit: (response: Exchange['response']) => void): void {
    this.#edits ??= [];
    this.#edits.push(edit);
  }

  again(prepare: (copy: PolicyContext) => void, target?: string, mostBody?: number): boolean {
    const route = target === undefined ? this.#resource.route : this.#resource.targets?.get(target);
    const copy = route === undefined || this.#isCopy ? undefined : this.#exchange.copy();
    if (copy === undefined) return false;
    const run = new PolicyRun(copy, { ...this.#resource, route }, this.#reporter);
    run.#isCopy = true;
    copy.context = { ...(this.#exchange.context as object), run };
    run.caller = this.caller;
    const next = this.#at + 1;
    run.#guarded(() => {
      prepare(run);
      if (mostBody === undefined || this.#exchange.tapBody === undefined) run.#from(next);
    });
    if (mostBody !== undefined) this.#exchange.tapBody?.(mostBody, run.#withBody(this.#exchange.request.headers, next));
    return true;
  }

  /** Lets a copy go on once it has the body of its request, or ends it. */
  #withBody(headers: Exchange['request']['headers'], next: number): (body: Buffer | undefined) => void {
    const fields = ['content-type', 'content-encoding'].map((name) => [name, headers.get(name)] as const);
    return (body) => {
      if (body === undefined) {
        this.#exchange.respond(413, {}, '');
        return;
      }
      this.#exchange.replaceBody(body);
      for (const [name, value] of fields) if (value !== undefined) this.#exchange.request.headers.set(name, value);
      this.#guarded(() => this.#from(next));
    };
  }

  answerInstead({ status, headers, body }: PolicyAnswer): void {
    this.#exchange.respond(status, headers, body);
  }

  onFailure(answer: () => PolicyAnswer | undefined): void {
    this.#exchange.fallback = () => {
      const given = answer();
      if (given !== undefined) this.#exchange.respond(given.status, given.headers, given.body);
      return given !== undefined;
    };
  }

  onEnd(done: (ending: Ending) => void): void {
    if (this.#exchange.over) {
      done(gone);
      return;
    }
    this.#endings ??= new Endings(this.#exchange);
    this.#endings.add(done);
  }

  limitBody(most: number): void {
    this.#exchange.limitBody(most);
  }

  collectBody(most: number): ReturnType<Exchange['collectBody']> {
    return this.#exchange.collectBody(most);
  }

  replaceBody(body: Buffer): void {
    this.#exchange.replaceBody(body);
  }

  observeResponse(observer: Parameters<Exchange['observeResponse']>[0]): void {
    this.#exchange.observeResponse(observer);
  }

  transformResponse(make: Parameters<Exchange['transformResponse']>[0]): boolean {
    return this.#exchange.transformResponse(make);
  }

  replaceResponse(most: number, change: (body: Buffer) => Buffer): boolean {
    return this.#exchange.replaceResponse(most, change);
  }

  // The chain

  /** Runs the request policies from this one on. After a promise the next ones wait for it; all others run in the same turn of the event loop. */
  #from(index: number): void {
    const { request } = this.#resource.policies;
    for (let at = index; at < request.length; at++) {
      const policy = request[at] as NamedPolicy;
      this.#at = at;
      const decision = policy.run(this);
      if (decision instanceof Promise) {
        decision.then(
          (late) => {
            if (!this.#settles(policy, late)) this.#guarded(() => this.#from(at + 1));
          },
          (error: unknown) => this.#failed(error),
        );
        return;
      }
      if (this.#settles(policy, decision)) return;
    }
    const { route, admission } = this.#resource;
    if (this.#first !== undefined) this.#deliver(this.#first.policy, this.#first.answer);
    else if (route === undefined) this.#goOn?.();
    else if (admission.demanding) this.#admitted(() => this.#forward(route));
    else this.#forward(route);
  }

  /**
   * True if the decision ends the chain, or the exchange has ended meanwhile. With several resources only a refusal (4xx, 5xx) ends it at once: an
   * answer of one resource must not be given while a policy of another would refuse the request. Policies that run first answer on their own behalf,
   * without anything of a resource.
   */
  #settles(policy: NamedPolicy, decision: Decision): boolean {
    if (this.#exchange.over) return true;
    if (decision === undefined) return false;
    if (this.#resource.policies.joined && decision.status < 400 && !policy.first) {
      this.#first ??= { policy, answer: decision };
      return false;
    }
    this.#deliver(policy, decision);
    return true;
  }

  /** Gives a policy's answer. One with content stands for the target's, and needs the same admission; others are refusals, or part of a login. */
  #deliver(policy: NamedPolicy, answer: PolicyAnswer): void {
    if (isSuccess(answer.status) && !policy.first && this.#resource.admission.demanding) this.#admitted(() => this.#answer(policy, answer));
    else this.#answer(policy, answer);
  }

  #forward(route: Route): void {
    this.#count(0);
    this.#exchange.forward(route);
  }

  #answer({ name }: Pick<NamedPolicy, 'name'>, { status, headers, body, refuses = false }: PolicyAnswer): void {
    this.#count(refuses ? status : 0);
    if (refuses) this.#exchange.counter.rejectedBy(name, status);
    this.#exchange.blame = 'project';
    this.#exchange.respond(status, headers, body);
  }

  /** Has the exchange counted for its consumer when it ends. @param refusal status with which a policy refuses it; 0: none does */
  #count(refusal: number): void {
    const consumer = this.#caller?.consumer;
    if (consumer === undefined || this.#isCopy) return;
    const count = this.#resource.admission.consumers.of(consumer);
    if (refusal > 0) count.refuse(refusal);
    this.#exchange.callerCounter = count;
  }

  /** Goes on if the consumer may use the project, and its product's limits allow for it; else answers. */
  #admitted(goOn: () => void): void {
    const decision = this.#resource.admission.decide(this);
    const settle = (answer: Decision) => {
      if (answer !== undefined) this.#answer(subscription, answer);
      else goOn();
    };
    if (decision instanceof Promise)
      decision.then(
        (late) => {
          if (!this.#exchange.over) this.#guarded(() => settle(late));
        },
        (error: unknown) => this.#failed(error),
      );
    else settle(decision);
  }

  #fieldsOfAnswer(): AnswerFields {
    this.#answerFields ??= new AnswerFields();
    this.#exchange.moreFields = this.#answerFields;
    return this.#answerFields;
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#reporter?.fault(error, this.#exchange.id);
    this.#exchange.fail(failures.internal);
  }
}

/** The part of the path that the requests of a project have in common: its first segments. */
function projectPart({ basePath }: Pick<GuardedResource, 'basePath'>): string {
  return `path:${Math.max(1, basePath.split('/').filter((segment) => segment !== '').length)}`;
}

/** Name under which refusals of products are counted, among those of policies. */
const subscription = { name: 'subscription' };

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
