import type { Progress } from '../api/api';

/** The stretch of time that a speed is taken over, in milliseconds. */
const window = 15_000;
/** Before so much has passed a speed would be a guess. */
const least = 1_500;

/**
 * How fast a run goes. It is taken over the last seconds of one phase, since
 * each phase counts something else.
 */
export class Pace {
  private phase = '';
  private marks: { at: number; done: number }[] = [];

  /** Notes where the run stands at a moment, and says how fast it goes, as far as that is known. */
  add(p: Progress, at: number): { bytesPerSecond?: number; secondsLeft?: number } {
    if (p.phase !== this.phase) {
      this.phase = p.phase;
      this.marks = [];
    }
    this.marks.push({ at, done: p.done });
    this.marks = this.marks.filter((m) => at - m.at <= window);
    const first = this.marks[0];
    if (!first || at - first.at < least || p.done <= first.done) return {};
    const perSecond = ((p.done - first.done) / (at - first.at)) * 1000;
    const counts = p.phase === 'index' ? {} : { bytesPerSecond: perSecond };
    return p.total > p.done ? { ...counts, secondsLeft: (p.total - p.done) / perSecond } : counts;
  }
}
