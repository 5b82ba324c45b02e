/** Adds a fault at a place of a project. */
export type Complain = (path: readonly PropertyKey[], message: string) => void;
