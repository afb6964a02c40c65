import { Component, type ErrorInfo, type ReactNode } from 'react';
import { problemOf, type Problem } from '../api/problem';
import { useWording } from '../i18n/react';
import { Button } from '../ui/Button';
import { ProblemCard } from '../ui/ProblemCard';

/** What to show where a page broke: the problem, and a way out that needs no restart. */
export function Broken({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const { t } = useWording();
  return (
    <div className="main" role="main">
      <ProblemCard problem={problemOf(error)}>
        <Button kind="primary" onClick={onRetry}>{t('action.retry')}</Button>
      </ProblemCard>
    </div>
  );
}

/** Keeps a defect in the pages from leaving a blank window. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { problem?: Problem }> {
  override state: { problem?: Problem } = {};

  static getDerivedStateFromError(error: unknown) {
    return { problem: problemOf(error) };
  }

  override componentDidCatch(error: Error, info: ErrorInfo) {
    console.error(error, info.componentStack);
  }

  override render() {
    const { problem } = this.state;
    if (!problem) return this.props.children;
    return <Broken error={problem} onRetry={() => location.reload()} />;
  }
}
