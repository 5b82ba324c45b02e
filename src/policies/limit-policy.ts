import type { Policy, PolicyScope } from './contract.ts';
import { type GateSettings, LimitGate } from './limit-gate.ts';
import { readerOf } from './limit-settings.ts';

/** A policy that lets requests pass up to a limit, counted by what `by` names. */
export function limitPolicy({ project, place, services }: PolicyScope, by: string, settings: Omit<GateSettings, 'place' | 'by'>): Policy {
  const gate = new LimitGate(services, { ...settings, by, place: `project ${project} ${place}` });
  const read = readerOf(by);
  return {
    run: (context) => gate.decide(context, read(context)),
    begin: () => gate.begin(),
    end: () => gate.end(),
  };
}
