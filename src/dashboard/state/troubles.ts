import { computed } from '@preact/signals';
import type { DownUrl } from '../../api/down-text.ts';
import { certificateTroubles } from './certificate-troubles.ts';
import { plural } from './format.ts';
import type { Place } from './place.ts';
import { rejections } from './rejections.ts';
import { connection, controlCertificate, environments, registryRefuses, registryUp, serversOf } from './state.ts';
import { targetsDown } from './targets-down.ts';

/** Something that is down, and the place in the page that tells more. */
export interface Trouble {
  readonly kind: 'registry' | 'writes' | 'listener' | 'certificate' | 'issue' | 'settings' | 'server' | 'project' | 'target';
  readonly text: string;
  readonly place: Place;
}

/** Everything that is down at present, worst first; empty while the live feed is lost, because nothing is known then. */
export const troubles = computed((): readonly Trouble[] => {
  if (connection.value === 'lost') return [];
  const found: Trouble[] = [];
  if (!registryUp.value) found.push({ kind: 'registry', text: 'The registry does not answer', place: { view: 'banners' } });
  else if (registryRefuses.value !== undefined) {
    found.push({ kind: 'writes', text: 'The registry refuses writes', place: { view: 'banners' } });
  }
  if (controlCertificate.value !== null)
    for (const { kind, text } of certificateTroubles(controlCertificate.value))
      found.push({ kind, text: `Control address: ${text}`, place: { view: 'banners' } });
  for (const { name, status } of environments.value) {
    const place = { view: 'overview', name } as const;
    if (status.listening === null) found.push({ kind: 'listener', text: `${name}: its listener is closed`, place });
    for (const { kind, text } of (status.certificates ?? []).flatMap(certificateTroubles))
      found.push({ kind, text: `${name}: ${text}`, place });
    if (status.unread !== undefined) found.push({ kind: 'settings', text: `${name}: its settings are not understood`, place });
  }
  for (const { name } of environments.value) {
    for (const { id, state, health, ownCertificate } of serversOf(name)) {
      const place = { view: 'overview', name, server: id } as const;
      for (const { kind, text } of ownCertificate === undefined || state === 'lost' ? [] : certificateTroubles(ownCertificate))
        found.push({ kind, text: `${id}: ${text}`, place });
      const word = state === 'lost' ? 'lost' : health === 'down' ? 'down' : undefined;
      if (word !== undefined) found.push({ kind: 'server', text: `${id} is ${word} in ${name}`, place });
    }
  }
  for (const { project, environment, servers } of rejections.value) {
    const text = `${project} is rejected in ${environment} by ${plural(servers.length, 'server')}`;
    found.push({ kind: 'project', text, place: { view: 'projects', name: project } });
  }
  for (const [environment, down] of targetsDown.value) {
    for (const [project, urls] of urlsByProject(down)) {
      const more = urls.length > 1 ? ` and ${urls.length - 1} more` : '';
      const text = `${project}: target ${urls[0]}${more} is down in ${environment}`;
      found.push({ kind: 'target', text, place: { view: 'project', name: project, environment } });
    }
  }
  return found;
});

function urlsByProject(down: readonly DownUrl[]): ReadonlyMap<string, readonly string[]> {
  const urls = new Map<string, string[]>();
  for (const { project, url } of down) urls.set(project, [...(urls.get(project) ?? []), url]);
  return urls;
}

const words: Readonly<Record<Trouble['kind'], (count: number) => string>> = {
  registry: () => 'Registry down',
  writes: () => 'Writes refused',
  listener: (count) => (count === 1 ? 'Listener closed' : `${count} listeners closed`),
  certificate: () => 'Certificate unusable',
  issue: () => 'No new certificate',
  settings: () => 'Settings unread',
  server: (count) => `${plural(count, 'server')} down`,
  project: (count) => `${plural(count, 'project')} rejected`,
  target: (count) => (count === 1 ? 'Target down' : `Targets of ${count} projects down`),
};

/** The worst kind of trouble in two or three words; undefined if all is well. */
export const worstWord = computed(() => {
  const [worst] = troubles.value;
  return (
    worst &&
    words[worst.kind](new Set(troubles.value.filter(({ kind }) => kind === worst.kind).map(({ place }) => JSON.stringify(place))).size)
  );
});
