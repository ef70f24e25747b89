import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { added, findable, missed, verified } from "../state/settings";

const loaded = signal<typeof import("./known-people") | null>(null);

/** Where those are shown whom the user knows. Who knows nobody, and can't be called, doesn't load what shows them. */
export function KnownPeoplePlace(): JSX.Element | null {
  const wanted = findable.value || [added, missed, verified].some(({ value }) => value.length > 0);
  useEffect(() => {
    if (wanted) void import("./known-people").then((views) => (loaded.value = views), () => undefined);
  }, [wanted]);
  const views = loaded.value;
  return wanted && views !== null ? <views.KnownPeople /> : null;
}

/** Where those who can be called may have it told outside the page. */
export function NotifyPlace(): JSX.Element | null {
  const views = loaded.value;
  return findable.value && views !== null ? <views.NotifyMe /> : null;
}
