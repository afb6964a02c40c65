import { useElementSize } from '@mantine/hooks';
import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import type { Backup } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Button } from '../../ui/Button';
import { Card } from '../../ui/Page';
import './database.css';
import { nearest, plotOf, type Mark, type Sample } from './plot';

const height = 152;

/** How the size of a database went, backup by backup, as a plot with its values in reach of mouse and keys, or as a table. */
export function SizePlot({ name, backups }: { name: string; backups: readonly Backup[] }) {
  const { t, format } = useWording();
  const [table, setTable] = useState(false);
  const [at, setAt] = useState<number>();
  const samples = backups.map((b) => ({ at: Date.parse(b.finished), value: b.plain_bytes })).reverse();
  if (samples.length < 2) return null;
  const shown = samples[at ?? samples.length - 1];
  return (
    <Card
      title={t('database.trend')}
      end={
        <>
          {!table && shown && <span className="small mut" aria-hidden="true">{t('database.mark', { time: format.time(new Date(shown.at)), size: format.bytes(shown.value) })}</span>}
          <Button kind="quiet" small icon={table ? 'activity' : 'table'} onClick={() => setTable(!table)}>{table ? t('database.as_plot') : t('database.as_table')}</Button>
        </>
      }
    >
      {table ? <Table samples={samples} /> : <Drawing name={name} samples={samples} at={at} onAt={setAt} />}
    </Card>
  );
}

interface DrawingProps {
  name: string;
  samples: readonly Sample[];
  at: number | undefined;
  onAt: (index: number | undefined) => void;
}

function Drawing({ name, samples, at, onAt }: DrawingProps) {
  const { t, format } = useWording();
  const { ref, width: measured } = useElementSize();
  const svg = useRef<SVGSVGElement>(null);
  const width = measured || 640;
  const { marks, levels } = plotOf(samples, width, height);
  const last = marks.length - 1;
  const line = marks.map((m, i) => `${i ? 'L' : 'M'}${m.x} ${m.y}`).join('');
  const base = levels[0]?.y ?? height;
  const on = at === undefined ? undefined : marks[at];

  const point = (e: PointerEvent<SVGSVGElement>) => onAt(nearest(marks, e.clientX - e.currentTarget.getBoundingClientRect().left));
  const key = (e: KeyboardEvent) => {
    const from = at ?? last;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    const next = Math.min(Math.max(to, 0), last);
    onAt(next);
    svg.current?.querySelectorAll<SVGGElement>('.mark')[next]?.focus();
  };
  return (
    <div ref={ref}>
      <svg ref={svg} className="plot" viewBox={`0 0 ${width} ${height}`} role="group" aria-label={t('database.trend_label', { name, count: samples.length })} onPointerMove={point} onPointerLeave={() => onAt(undefined)} onKeyDown={key}>
        <g aria-hidden="true">
          {levels.map((l) => (
            <g key={l.value}>
              <path className="grid" d={`M56 ${l.y}H${width - 12}`} />
              <text x={48} y={l.y + 4} textAnchor="end">{format.bytes(l.value)}</text>
            </g>
          ))}
          <text x={56} y={height - 6}>{format.date(new Date(samples[0]?.at ?? 0))}</text>
          <text x={width - 12} y={height - 6} textAnchor="end">{format.date(new Date(samples.at(-1)?.at ?? 0))}</text>
          <path className="area" d={`${line}V${base}H${marks[0]?.x ?? 0}z`} />
          <path className="line" d={line} />
          {on && <path className="at" d={`M${on.x} 8V${base}`} />}
        </g>
        {marks.map((m, i) => <Point key={i} mark={m} on={i === at} reached={i === (at ?? last)} onFocus={() => onAt(i)} dense={marks.length > 60} />)}
      </svg>
    </div>
  );
}

/** One value. Only one of them is a stop of the tab key; arrows go to the others. */
function Point({ mark: m, on, reached, dense, onFocus }: { mark: Mark; on: boolean; reached: boolean; dense: boolean; onFocus: () => void }) {
  const { t, format } = useWording();
  const words = t('database.mark', { time: format.time(new Date(m.at)), size: format.bytes(m.value) });
  return (
    <g className={`mark ${on ? 'on' : ''}`} role="img" aria-label={words} tabIndex={reached ? 0 : -1} onFocus={onFocus}>
      <circle cx={m.x} cy={m.y} r={on ? 4 : dense ? 0.5 : 3} />
    </g>
  );
}

function Table({ samples }: { samples: readonly Sample[] }) {
  const { t, format } = useWording();
  return (
    <div className="plot-table" role="region" aria-label={t('database.trend')} tabIndex={0}>
      <table className="tbl tight">
        <thead><tr><th scope="col">{t('database.when')}</th><th scope="col" className="n">{t('database.size')}</th></tr></thead>
        <tbody>
          {samples.toReversed().map((s) => (
            <tr key={s.at}><td>{format.time(new Date(s.at))}</td><td className="n">{format.bytes(s.value)}</td></tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
