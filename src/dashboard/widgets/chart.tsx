import { useLayoutEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { shownSeconds } from '../../api/series.ts';
import { theme } from '../state/theme.ts';

/** Minimum time span of a chart, in seconds. */
const shortestSeconds = 20;

/** A curve: the name of a colour in the style sheet, and one value for each sample. */
export interface Curve {
  readonly color: string;
  readonly values: readonly (number | undefined)[];
  /** Fills the area under the curve. */
  readonly filled?: boolean;
}

interface ChartProps {
  /** The time of each sample, wall clock in seconds. */
  readonly times: readonly number[];
  readonly curves: readonly Curve[];
  readonly height: number;
  /** Minimum for the top of the scale. Charts side by side have the same one, so that they can be compared. */
  readonly top: number;
  /** Formats the labels of the scale; without it the chart has no visible scale. */
  readonly format?: (value: number) => string;
}

/** A live chart of the last two minutes. Hidden from screen readers: the figures are also written next to it. */
export function Chart(props: ChartProps) {
  const container = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const look = theme.value;

  useLayoutEffect(() => {
    const element = container.current as HTMLDivElement;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(
        optionsFor(element, latest.current, () => latest.current.top),
        dataOf(latest.current),
        element,
      );
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: latest.current.height }));
    resized.observe(element);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    return () => {
      resized.disconnect();
      dark.removeEventListener('change', draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [look]);

  useLayoutEffect(() => {
    plot.current?.setData(dataOf(props));
  });
  return <div class="chart" ref={container} style={{ height: `${props.height}px` }} aria-hidden="true" />;
}

function dataOf({ times, curves }: ChartProps): uPlot.AlignedData {
  return [[...times], ...curves.map(({ values }) => [...values])] as uPlot.AlignedData;
}

function optionsFor(element: HTMLElement, props: ChartProps, top: () => number): uPlot.Options {
  const colorOf = (name: string) => resolveColor(element, name);
  const { height, format } = props;
  const quiet = { show: false };
  return {
    width: element.clientWidth,
    height,
    padding: [4, 0, format ? 7 : 2, 0],
    cursor: quiet,
    legend: quiet,
    scales: {
      x: {
        time: true,
        range: (self) => {
          const times = self.data[0];
          const last = times?.at(-1) ?? Date.now() / 1000;
          // Shortly after the start the time span grows with the data.
          return [last - Math.min(shownSeconds, Math.max(shortestSeconds, last - (times?.[0] ?? last))), last];
        },
      },
      y: { range: (_self, _min, max) => [0, Math.max(max ?? 0, top()) * 1.08 || 1] },
    },
    axes: [quiet, format ? scaleAxis(colorOf, format) : quiet],
    series: [
      {},
      ...props.curves.map(({ color, filled }) => ({
        stroke: colorOf(color),
        width: 1.75,
        points: quiet,
        spanGaps: false,
        ...(filled === true && { fill: colorOf(`${color}-fill`) }),
      })),
    ],
  };
}

function scaleAxis(colorOf: (name: string) => string, format: (value: number) => string): uPlot.Axis {
  return {
    side: 1,
    size: 38,
    gap: 4,
    font: '11px system-ui, sans-serif',
    stroke: colorOf('--muted'),
    grid: { stroke: colorOf('--line'), width: 1 },
    ticks: { show: false },
    space: 30,
    values: (_self, splits) => splits.map(format),
  };
}

/** The present value of a colour property of the style sheet: a canvas does not understand `var()`. */
function resolveColor(element: HTMLElement, name: string): string {
  const before = element.style.color;
  element.style.color = `var(${name})`;
  const color = getComputedStyle(element).color;
  element.style.color = before;
  return color;
}
