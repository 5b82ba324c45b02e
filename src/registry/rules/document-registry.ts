import type { Clock, Random } from '../../model/clock.ts';
import type { Log } from '../../model/log.ts';
import type { Registry } from '../contract.ts';
import type { Store } from '../store.ts';
import { CachePurges } from './cache-purges.ts';
import { CallerBook } from './caller-book.ts';
import { CallerCopy } from './caller-copy.ts';
import { CallersNeeded } from './caller-needs.ts';
import { CallerRestoration } from './caller-restoration.ts';
import { CallerViews } from './caller-views.ts';
import { ConsumerRules } from './consumers.ts';
import { DeployableRevisions, type RevisionExaminer } from './deployable-revisions.ts';
import { Deployments } from './deployments.ts';
import { Environments } from './environments.ts';
import { ForgottenServers } from './forgotten-servers.ts';
import { Ledger } from './ledger.ts';
import { ProductRules } from './products.ts';
import { ProjectRemoval } from './project-removal.ts';
import { Projects } from './projects.ts';
import { Restoration } from './restoration.ts';
import { RevisionContents } from './revision-contents.ts';
import { SecretDocuments } from './secret-documents.ts';
import { Servers } from './servers.ts';
import { Snapshots } from './snapshots.ts';

/** Makes a {@link Registry} over any {@link Store}. The registry owns the store: `close` closes both. */
export function documentRegistry(parts: {
  store: Store;
  logger: Log;
  clock: Clock;
  random: Random;
  /** Default: this process examines large revisions itself. */
  examine?: RevisionExaminer | undefined;
}): Registry {
  const { store, logger, clock } = parts;
  const ledger = new Ledger(parts);
  const snapshots = new Snapshots(ledger);
  const environments = new Environments(ledger, snapshots);
  const projects = new Projects(ledger, clock);
  const contents = new RevisionContents(ledger, snapshots, clock);
  const projectRemoval = new ProjectRemoval(ledger);
  const deployments = new Deployments(ledger, snapshots, new DeployableRevisions(ledger, parts.examine));
  const restoration = new Restoration(ledger, clock);
  const servers = new Servers({ ledger, snapshots, clock, logger });
  const callers = new CallerBook(ledger);
  const copy = new CallerCopy(ledger);
  const views = new CallerViews(copy, new CallersNeeded(ledger, deployments, copy));
  const callerRestoration = new CallerRestoration(ledger, copy);
  const consumers = new ConsumerRules(callers, copy, clock);
  const products = new ProductRules(callers, copy);
  const forgottenServers = new ForgottenServers(ledger);

  return {
    environments: () => environments.list(),
    environment: (name) => environments.get(name),
    putEnvironment: (name, spec, options) => environments.put(name, spec, options?.expect),
    applyEnvironment: (name, file, options) => environments.apply(name, file, options?.dryRun),
    appliedSettings: () => environments.applied(),
    forgetApplied: (name) => environments.forgetApplied(name),
    deleteEnvironment: (name, { force = false, expect } = {}) => environments.remove(name, force, expect),
    drainStatic: (environment, id, draining) => environments.drain(environment, id, draining),
    project: (name) => projects.get(name),
    projects: () => projects.list(),
    pushProject: (project, options) => projects.push(project, options?.expect),
    deleteProject: (name, { revision, expect } = {}) => projectRemoval.remove(name, revision, expect),
    revision: (name, revision) => projects.revision(name, revision),
    deploy: (environment, project, options = {}) => deployments.deploy(environment, project, options),
    undeploy: (environment, project, options = {}) => deployments.undeploy(environment, project, options),
    rollback: (environment, project, options = {}) => deployments.rollback(environment, project, options),
    manifest: (environment, since) => deployments.manifest(environment, since),
    snapshotId: (environment) => deployments.snapshotId(environment),
    revisions: (wanted, environment) => contents.read(wanted, environment),
    snapshot: (environment) => deployments.snapshot(environment),
    restore: (snapshot) => restoration.restore(snapshot),
    servers: () => servers.list(),
    serversOf: (environment) => servers.listOf(environment),
    server: (id) => servers.get(id),
    join: (request, caller) => servers.join(request, caller),
    renew: (report, caller) => servers.renew(report, caller),
    leave: (id, instance, caller) => servers.leave(id, instance, caller),
    assign: (id, environment, options) => servers.assign(id, environment, options?.expect),
    patchServer: (id, patch, options) => servers.patch(id, patch, options?.expect),
    forgetServer: (id, options) => forgottenServers.forget(id, options?.expect),
    ...(store.limits !== undefined && { limits: store.limits }),
    certification: servers,
    secrets: new SecretDocuments(ledger),
    callers: {
      id: (environment) => (environment === undefined ? callers.id() : views.id(environment)),
      parts: (wanted, environment) => (environment === undefined ? callers.parts(wanted) : views.parts(wanted, environment)),
      restore: (lost) => callerRestoration.restore(lost),
    },
    caches: new CachePurges(ledger),
    consumers: {
      consumers: (query) => consumers.consumers(query),
      consumer: (name) => consumers.consumer(name),
      putConsumer: (name, change, options) => consumers.putConsumer(name, change, options),
      putConsumers: (given) => consumers.putConsumers(given),
      addKey: (name, key) => consumers.addKey(name, key),
      removeKey: (name, id) => consumers.removeKey(name, id),
      deleteConsumer: (name, options) => consumers.deleteConsumer(name, options),
      subscribe: (product, name) => consumers.subscribe(product, name),
      unsubscribe: (product, name) => consumers.unsubscribe(product, name),
      products: () => products.products(),
      product: (name) => products.product(name),
      putProduct: (name, spec, options) => products.putProduct(name, spec, options),
      deleteProduct: (name, options) => products.deleteProduct(name, options),
      async catchUp() {
        await copy.latest();
        await callerRestoration.recover();
      },
      onChange: (listener) => copy.onChange(listener),
    },
    watch: (listener, { server } = {}) => store.watch(listener, server),
    probe: () => store.probe(),
    get link() {
      return store.link;
    },
    get unread() {
      return ledger.unread.all;
    },
    close: () => store.close(),
  };
}
