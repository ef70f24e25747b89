import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Where the connection panel appears. It is no part of what the start page loads; a call loads it at its beginning, while the server is there. */
export function ConnectionPlace(): JSX.Element | null {
  const [Panel, setPanel] = useState<(() => JSX.Element | null) | null>(null);
  useEffect(() => {
    void import("./connection-panel").then(
      ({ ConnectionPanel }) => setPanel(() => ConnectionPanel),
      () => undefined,
    );
  }, []);
  return Panel && <Panel />;
}
