/** Lets one wait for a condition. Whoever changes what it depends on says so. */
export class Condition {
  #waiting: (() => void)[] = [];

  /** Everybody who waits looks again. */
  changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const look of waiting) look();
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((look) => this.#waiting.push(look));
  }
}
