/** Seconds that ICE may take to recover from `disconnected` by itself: browsers say so after five of silence, and more is no help ({@link Liveness} is quicker). */
const PATIENCE = 0.25;
/** Seconds after which an attempt counts as failed: the first ones, and all that follow. */
const ATTEMPTS = [8, 8, 12];
const LATER = 20;
/** Attempts after which one says so. */
const FAILED = 3;

export interface RecoveryActions {
  /** Whether the other side can be reached through the server now. */
  reachable(): boolean;
  /** Starts one attempt. The first is the mildest. `moved`: our own network is another one. */
  attempt(number: number, moved: boolean): void;
  /** `failed` changed. */
  change(): void;
}

/**
 * Decides when a connection is to be made again: as soon as it failed, a little after it was disconnected,
 * and again while that doesn't help. What needs the server waits until the server is back.
 */
export class Recovery {
  readonly #actions: RecoveryActions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempts = 0;
  #connected = false;
  /** An attempt waits for the other side to be reachable. */
  #waiting = false;
  /** Our network changed, and there was no attempt since. */
  #moved = false;

  /** The first connection is on its way from the beginning: it has as long as an attempt has. */
  constructor(actions: RecoveryActions) {
    this.#actions = actions;
    this.#schedule(ATTEMPTS[0] as number);
  }

  /** Whether several attempts have come to nothing. */
  get failed(): boolean {
    return this.#attempts >= FAILED;
  }

  /** The connection's state changed. */
  update(state: RTCPeerConnectionState): void {
    if (state === "connected") {
      const failed = this.failed;
      this.#connected = true;
      this.#waiting = this.#moved = false;
      this.#attempts = 0;
      clearTimeout(this.#timer);
      if (failed) this.#actions.change();
    } else if (state === "failed") {
      const first = this.#connected || this.#attempts === 0;
      this.#connected = false;
      // Later ones wait for their time, or two sides would chase each other.
      if (first) this.#attempt();
    } else if (this.#connected) {
      this.#connected = false;
      this.#schedule(state === "disconnected" ? PATIENCE : (ATTEMPTS[0] as number));
    }
  }

  /** The other side can be reached again. */
  wake(): void {
    if (this.#waiting) this.#begin();
  }

  /** Nothing comes any more over a connection that the browser still believes in. Where it doesn't, it is being made again anyway. */
  silent(): void {
    if (this.#connected) this.#begin();
  }

  /** Something comes again: what was waited for isn't needed. */
  heard(): void {
    if (this.#connected && !this.#moved) this.#waiting = false;
  }

  /** Our network changed: the path is likely gone even where that doesn't show yet. */
  networkChanged(): void {
    this.#moved = true;
    this.#begin();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #begin(): void {
    if (!this.#connected) this.#attempt();
    else if (this.#reach()) this.#act(1);
  }

  #attempt(): void {
    clearTimeout(this.#timer);
    if (!this.#reach()) return;
    this.#attempts += 1;
    this.#schedule(ATTEMPTS[this.#attempts] ?? LATER);
    this.#act(this.#attempts);
    if (this.#attempts === FAILED) this.#actions.change();
  }

  #act(number: number): void {
    const moved = this.#moved;
    this.#moved = false;
    this.#actions.attempt(number, moved);
  }

  #reach(): boolean {
    this.#waiting = !this.#actions.reachable();
    return !this.#waiting;
  }

  #schedule(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#attempt(), seconds * 1000);
  }
}
