/** Work that is done once for all callers that ask for the same while it is under way. */
export class SharedWork<Result> {
  readonly #underWay = new Map<string, Promise<Result>>();

  /** Joins the work with this id that is under way, or begins it. */
  share(id: string, work: () => Promise<Result>): Promise<Result> {
    const shared = this.#underWay.get(id) ?? work().finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, shared);
    return shared;
  }
}
