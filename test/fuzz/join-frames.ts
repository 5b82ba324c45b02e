import { once } from 'node:events';
import { WebSocket } from 'ws';
import { openRegistry } from '../../src/registry/open-registry.ts';
import { RegistrationEndpoint } from '../../src/registry/remote/registration-endpoint.ts';
import { request } from '../contract/registry-samples.ts';
import { keptLogger, silentLogger } from '../tools/fake-logger.ts';
import fc from '../tools/fast-check.ts';
import { mount } from '../tools/mounted.ts';
import { ownFolder } from '../tools/own-folder.ts';
import { Scope } from '../tools/owner.ts';
import type { Fuzzer } from './fuzzer.ts';
import { damaged, edits, values } from './texts.ts';

const authorization = 'Bearer join-secret';
const calls = [
  { call: 0, method: 'join', params: request('stranger') },
  { call: 1, method: 'renew', params: { id: 'bystander', instance: 'bystander-1', projects: [], leaving: true } },
  { call: 2, method: 'leave', params: { id: 'bystander', instance: 'bystander-1' } },
  { call: 3, method: 'snapshot', params: { environment: 'production' } },
  { call: 4, watch: { server: 'stranger' } },
].map((frame) => JSON.stringify(frame));

/** Duration of the lease that {@link request} asks for, in milliseconds. */
const leaseMs = 10_000;
/** A call after each frame: its answer shows that the frame was read. */
const nextCall = 1_000_000;
const next = JSON.stringify({ call: nextCall, method: 'snapshot', params: { environment: 'production' } });

/** Damaged frames over the connection of a gateway server that holds a join token. */
export const joinFrames: Fuzzer = {
  name: 'join-frames',
  async open() {
    let reached = 0;
    const scope = new Scope();
    const { logger, lines } = keptLogger();
    const behind = await openRegistry({ url: `embedded:${ownFolder(scope)}`, logger: silentLogger });
    scope.teardown(() => behind.close());
    await behind.putEnvironment('production', {});
    const grantOf = (header: string | undefined) => (header === authorization ? { access: 'join' as const } : undefined);
    const endpoint = new RegistrationEndpoint({ registry: behind, logger, grantOf });
    const { url } = await mount(scope, () => endpoint);
    const bystander = await openRegistry({ url, token: 'join-secret', logger: silentLogger });
    scope.teardown(() => bystander.close());
    await bystander.join(request('bystander', { environment: 'production' }));
    let renewedAt = Date.now();

    const frame = fc.oneof(
      fc.tuple(fc.constantFrom(...calls), fc.option(edits)).map(([text, changes]) => damaged(text, changes ?? [])),
      values(['call', 'method', 'params', 'watch', 'server', 'join', 'renew', 'id', 'instance', 'toString']).map((value) =>
        JSON.stringify(value),
      ),
      fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets)),
    );
    const property = fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 6 }), async (frames) => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/join`, { headers: { authorization } });
      await once(socket, 'open');
      let open = true;
      let answered = () => {};
      socket
        .on('error', () => {})
        .on('close', () => {
          open = false;
          answered();
        });
      socket.on('message', (data) => {
        if ((JSON.parse(String(data)) as { call?: number }).call === nextCall) answered();
      });
      for (const one of frames) {
        // A frame that is no call ends the connection.
        const settled = new Promise<void>((resolve) => {
          answered = resolve;
        });
        socket.send(one);
        socket.send(next);
        await settled;
        if (!open) break;
        reached++;
      }
      socket.terminate();
      if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
      await bystander.renew({ id: 'bystander', instance: 'bystander-1', projects: [] }).catch(async (error: unknown) => {
        // This process, or the whole machine, stood still for longer than a lease: no frame has ended it.
        if (Date.now() - renewedAt < leaseMs) throw error;
        await bystander.join(request('bystander', { environment: 'production' }));
      });
      renewedAt = Date.now();
      const bug = lines.splice(0).find(({ level }) => level >= 50);
      if (bug !== undefined) throw new Error(`an error was logged: ${JSON.stringify(bug)}`);
    });
    return { property, reached: () => reached, close: () => scope.end() };
  },
};
