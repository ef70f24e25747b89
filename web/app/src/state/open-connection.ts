import { signal } from "@preact/signals";

/** Whose connection is being looked at; null: nobody's. */
export const openConnection = signal<string | null>(null);
