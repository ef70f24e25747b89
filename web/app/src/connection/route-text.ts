import type { Route } from "peerline";
import { plural, t } from "../text/text";

/** The way that a connection takes, in a sentence. `name` is the other side's. */
export function routeText(route: Route | undefined, name: string): string {
  if (route === undefined) return t("connection.none");
  if (route.kind === "direct") return t(`connection.direct-${route.network}`, { protocol: route.protocol.toUpperCase() });
  const protocol = route.protocol.toUpperCase();
  const via = route.port === undefined ? protocol : `${protocol} ${route.port}`;
  if (route.reason === "direct-failed") return plural("connection.relayed-direct-failed", route.directPairs, { via });
  return t(`connection.relayed-${route.reason}`, { via, name });
}
