import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Brand } from "../parts/brand";
import { outdated } from "../state/version";
import { ProblemView } from "./problem";

type View = (props: Record<string, never>) => JSX.Element;

/** The place of the check, which is no part of what the start page loads. */
export function CheckPlace(): JSX.Element {
  const [loaded, setLoaded] = useState<{ View: View } | "failed" | null>(null);
  useEffect(() => {
    import("./check").then(
      ({ CheckView }) => setLoaded({ View: CheckView }),
      () => setLoaded("failed"),
    );
  }, []);
  if (loaded === "failed") return <ProblemView text={outdated.value ? "error.outdated" : "error.unreachable"} />;
  if (loaded !== null) return <loaded.View />;
  return (
    <header class="page-header">
      <Brand />
    </header>
  );
}
