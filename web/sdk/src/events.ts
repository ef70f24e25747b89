/**
 * An `EventTarget` whose event names and event classes are known to the compiler.
 *
 * @typeParam Events - maps an event's name to its class
 */
export interface TypedEventTarget<Events> extends Pick<EventTarget, "dispatchEvent"> {
  addEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: (event: Events[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof Events & string>(
    type: Name,
    listener: (event: Events[Name]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** The platform's `EventTarget`, seen through {@link TypedEventTarget}. */
export const TypedEventTarget = EventTarget as unknown as { new <Events>(): TypedEventTarget<Events> };
