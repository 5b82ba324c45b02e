/** Reports a fault of a project: the path of the faulty part, and what is wrong with it. */
export type Complain = (path: readonly PropertyKey[], message: string) => void;
