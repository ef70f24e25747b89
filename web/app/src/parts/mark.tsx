import type { ComponentChildren, JSX } from "preact";

/** A small drawing beside a name, and what it means. */
export function Mark({ text, kind = "", children }: { text: string; kind?: string; children: ComponentChildren }): JSX.Element {
  return (
    <span class={`mark ${kind}`} title={text}>
      {children}
      <span class="unseen-text">{text}: </span>
    </span>
  );
}
