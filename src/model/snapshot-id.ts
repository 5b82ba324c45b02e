/** Which state of an environment: of which registry (`epoch`), the how-manieth (`version`), and what it holds (`hash`). */
export interface SnapshotId {
  /** Made once when a registry is first filled; another one means other data. */
  readonly epoch: string;
  /** Rises by one a change; 0 for an environment that nothing was ever deployed to. */
  readonly version: number;
  readonly hash: string;
}

/** Same registry, same version, same content. */
export function sameSnapshot(one: SnapshotId | null | undefined, other: SnapshotId | null | undefined): boolean {
  return one?.epoch === other?.epoch && one?.version === other?.version && one?.hash === other?.hash;
}
