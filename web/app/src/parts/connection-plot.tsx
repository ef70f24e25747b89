import type { JSX } from "preact";
import { linePath, scaleFor, type Point } from "../connection/plot";
import { t } from "../text/text";

const WIDTH = 300;
const HEIGHT = 44;

export interface Line {
  readonly name: string;
  readonly points: readonly Point[];
}

interface PlotProps {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly from: number;
  readonly to: number;
  /** The least value that the top of the scale stands for. */
  readonly least: number;
  readonly text: (value: number | undefined) => string;
}

/** A small plot. What it shows stands beside it in figures, for everybody. */
export function ConnectionPlot({ title, lines, from, to, least, text }: PlotProps): JSX.Element {
  const values = lines.map(({ points }) => points.flatMap(({ time, value }) => (value === undefined || time < from ? [] : [value])));
  const highest = scaleFor(values.flat(), least);
  return (
    <figure class="plot">
      <figcaption>
        <span class="plot-title">{title}</span>
        {lines.map(({ name }, index) => {
          const known = values[index] ?? [];
          if (known.length === 0) return null;
          const figures = { lowest: text(Math.min(...known)), highest: text(Math.max(...known)), now: text(known.at(-1)) };
          return (
            <span key={name} class={`plot-text line-${index}`}>
              {name !== "" && <span class="plot-key">{name}</span>} {t("connection.plot", figures)}
            </span>
          );
        })}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
        <path class="plot-ground" d={`M0 ${HEIGHT}H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}`} />
        {lines.map(({ name, points }, index) => (
          <path key={name} class={`plot-line line-${index}`} d={linePath(points, from, to, highest, WIDTH, HEIGHT - 2)} />
        ))}
      </svg>
    </figure>
  );
}
