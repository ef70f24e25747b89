import type { JSX } from "preact";
import type { ConnectionEvent, ConnectionSample } from "peerline";
import { eventText } from "../connection/event-text";
import { bitrateText, lossText, millisecondsText } from "../connection/figures";
import { secondText } from "../text/amounts";
import { plural, t } from "../text/text";
import { ConnectionPlot, type Line } from "./connection-plot";

/** How far back the plots go, in milliseconds. */
const SHOWN = 10 * 60_000;
const MINUTE = 60_000;

interface TimelineProps {
  readonly samples: readonly ConnectionSample[];
  readonly events: readonly ConnectionEvent[];
}

/** How the connection did, and what happened to it. */
export function ConnectionTimeline({ samples, events }: TimelineProps): JSX.Element {
  const to = samples.at(-1)?.time ?? 0;
  const from = Math.max(to - SHOWN, samples[0]?.time ?? 0);
  const line = (name: string, value: (sample: ConnectionSample) => number | undefined): Line => ({
    name,
    points: samples.map((sample) => ({ time: sample.time, value: value(sample) })),
  });
  const loss = ({ lossIn, lossOut }: ConnectionSample) => (lossIn === undefined ? lossOut : Math.max(lossIn, lossOut ?? 0));
  return (
    <section class="connection-timeline" aria-labelledby="connection-timeline">
      <h3 id="connection-timeline">{plural("connection.last-minutes", Math.max(1, Math.round((to - from) / MINUTE)))}</h3>
      <ConnectionPlot title={t("connection.round-trip")} lines={[line("", ({ roundTrip }) => roundTrip)]} from={from} to={to} least={50} text={millisecondsText} />
      <ConnectionPlot title={t("connection.loss")} lines={[line("", loss)]} from={from} to={to} least={0.05} text={lossText} />
      <ConnectionPlot
        title={t("connection.bitrate")}
        lines={[line(t("connection.receiving"), ({ bitrateIn }) => bitrateIn), line(t("connection.sending"), ({ bitrateOut }) => bitrateOut)]}
        from={from}
        to={to}
        least={100_000}
        text={bitrateText}
      />
      <details>
        <summary>{plural("connection.events", events.length)}</summary>
        <ol class="connection-events" tabIndex={0} aria-label={t("connection.events-title")}>
          {events.map((event, index) => (
            <li key={index}>
              <time dateTime={new Date(event.time).toISOString()}>{secondText(event.time)}</time> <span>{eventText(event)}</span>
            </li>
          ))}
        </ol>
      </details>
    </section>
  );
}
