import type { JSX } from "preact";
import type { CandidatePair } from "peerline";
import { candidateText } from "../connection/event-text";
import { millisecondsText } from "../connection/figures";
import { plural, t, type TextKey } from "../text/text";

/** Pairs that are shown; there may be hundreds. */
const SHOWN = 60;

/** The pairs of candidates that were tried, the one in use first. */
export function ConnectionPairs({ pairs }: { pairs: readonly CandidatePair[] }): JSX.Element {
  const sorted = [...pairs].sort((one, other) => rank(one) - rank(other)).slice(0, SHOWN);
  return (
    <details>
      <summary>{plural("connection.pairs", pairs.length)}</summary>
      <div class="connection-pairs" tabIndex={0} role="group" aria-label={t("connection.pairs-title")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("connection.pair-local")}</th>
              <th scope="col">{t("connection.pair-remote")}</th>
              <th scope="col">{t("connection.pair-state")}</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((pair, index) => (
              <tr key={index} class={pair.selected ? "selected" : ""}>
                <td>{candidateText(pair.local)}</td>
                <td>{candidateText(pair.remote)}</td>
                <td>
                  {t(stateKey(pair))}
                  {pair.roundTrip !== undefined && `, ${millisecondsText(pair.roundTrip)}`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function rank({ selected, state }: CandidatePair): number {
  const place = ["succeeded", "in-progress", "failed"].indexOf(state);
  if (selected) return -1;
  return place < 0 ? 9 : place;
}

function stateKey({ selected, state }: CandidatePair): TextKey {
  if (selected) return "connection.pair.selected";
  if (state === "succeeded" || state === "in-progress" || state === "failed") return `connection.pair.${state}`;
  return "connection.pair.waiting";
}
