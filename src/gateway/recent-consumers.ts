/** Greatest number of consumers that a server counts apart, a consumer counting once for each project that it calls. */
const most = 5000;

/** A consumer of one project, in the order of {@link RecentConsumers}. */
export class RecentConsumer {
  /** Neighbours, which only {@link RecentConsumers} changes. */
  earlier: RecentConsumer = this;
  later: RecentConsumer = this;

  /** Another consumer takes the place of this one, which called longest ago. */
  giveWay(): void {}
}

/**
 * The consumers that a server counts apart, over all projects, in the order of their latest calls. A new one takes the place of the one that called
 * longest ago.
 */
export class RecentConsumers {
  readonly #most: number;
  /** Stands between the latest and the earliest one of a ring. */
  readonly #seam = new RecentConsumer();
  #size = 0;

  constructor(atMost = most) {
    this.#most = atMost;
  }

  add(consumer: RecentConsumer): void {
    if (this.#size < this.#most) this.#size++;
    else {
      const earliest = this.#seam.later;
      unlink(earliest);
      earliest.giveWay();
    }
    this.#append(consumer);
  }

  /** Notes that a consumer has called again. */
  called(consumer: RecentConsumer): void {
    if (consumer.later === this.#seam) return;
    unlink(consumer);
    this.#append(consumer);
  }

  #append(consumer: RecentConsumer): void {
    const seam = this.#seam;
    consumer.earlier = seam.earlier;
    consumer.later = seam;
    seam.earlier.later = consumer;
    seam.earlier = consumer;
  }
}

function unlink({ earlier, later }: RecentConsumer): void {
  earlier.later = later;
  later.earlier = earlier;
}
